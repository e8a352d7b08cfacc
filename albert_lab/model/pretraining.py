"""The pre-training model: embeddings, encoder and the two heads.

Letters of the shape suffixes: B sequences, S tokens of a sequence, N masked tokens of the batch, V vocabulary,
E embedding size, H hidden size, A heads, D width of a head.
"""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters)

from typing import NamedTuple

import torch
from torch import Tensor, nn

from albert_lab.config.schema import ModelConfig
from albert_lab.model.embeddings import Embeddings
from albert_lab.model.encoder import Encoder
from albert_lab.model.heads import MaskedLanguageModelHead, SentenceHead
from albert_lab.model.initialize import initialize
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.shape import check_model_shape


class PretrainingOutput(NamedTuple):
    mlm_logits: Tensor  # [N,V]
    sentence_logits: Tensor | None  # [B,2]; None without a sentence head


class Backbone(nn.Module):
    """Embeddings and encoder: what every head and every task stands on."""

    def __init__(self, config: ModelConfig, layer_map: LayerMap) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config, layer_map)

    def forward(self, input_ids_BS: Tensor, attention_mask_BS: Tensor | None, token_type_ids_BS: Tensor) -> Tensor:
        """Hidden states [B,S,H]; the mask is true at real tokens, None where there is no padding."""
        x_BSH = self.embeddings(input_ids_BS, token_type_ids_BS)
        return self.encoder(x_BSH, _key_mask(attention_mask_BS))


class PretrainingModel(nn.Module):
    """A variant with the heads it is pre-trained with.

    Raises:
        UserError: sizes that no model can have.
    """

    def __init__(self, config: ModelConfig, layer_map: LayerMap, sentence_head: bool = True) -> None:
        super().__init__()
        check_model_shape(config, layer_map)
        self.config = config
        self.layer_map = layer_map
        self.backbone = Backbone(config, layer_map)
        self.mlm_head = MaskedLanguageModelHead(config)
        self.sentence_head = SentenceHead(config) if sentence_head else None
        initialize(self, config)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None,
        token_type_ids: Tensor,
        masked_positions: Tensor | None,
    ) -> PretrainingOutput:
        """Logits of the masked tokens and of the sentence question.

        Args:
            input_ids: [B,S] integers.
            attention_mask: [B,S] bool, true at real tokens; None where nothing is padded (the faster attention).
            token_type_ids: [B,S] integers, 0 in the first segment.
            masked_positions: [N] indices into the B*S tokens of the batch, row by row; None for all of them. They
                are gathered before the product with the vocabulary, so that it costs N x V and not B*S x V.
        """
        x_BSH = self.backbone(input_ids, attention_mask, token_type_ids)
        x_NH = _gather(x_BSH, masked_positions)
        mlm_logits_NV = self.mlm_head(x_NH, self.backbone.embeddings.word.weight)
        sentence_logits_B2 = None if self.sentence_head is None else self.sentence_head(x_BSH)
        return PretrainingOutput(mlm_logits_NV, sentence_logits_B2)


def _gather(x_BSH: Tensor, positions_N: Tensor | None) -> Tensor:
    x_TH = x_BSH.flatten(0, 1)
    return x_TH if positions_N is None else x_TH.index_select(0, positions_N)


def _key_mask(attention_mask_BS: Tensor | None) -> Tensor | None:
    """The mask as attention takes it, [B,1,1,S]: the same keys for every head and query."""
    if attention_mask_BS is None:
        return None
    if attention_mask_BS.dtype is not torch.bool:
        raise TypeError(f"attention_mask is {attention_mask_BS.dtype}; pass a bool, true at real tokens")
    return attention_mask_BS[:, None, None, :]
