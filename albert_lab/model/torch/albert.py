"""`AlbertModel` and the models it is pre-trained as, with the names, arguments and outputs of Hugging Face's classes.

Letters of the shape suffixes: B sequences, S tokens of a sequence, N masked tokens of the batch, V vocabulary,
E embedding size, H hidden size, A heads, D width of a head.
"""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters)

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.layers.attention import key_mask
from albert_lab.model.torch.layers.blocks import AttentionBlock
from albert_lab.model.torch.layers.embeddings import Embeddings
from albert_lab.model.torch.layers.encoder import Encoder, EncoderOutput
from albert_lab.model.torch.layers.heads import MaskedLanguageModelHead, SentenceOrderHead
from albert_lab.model.torch.layers.linear import Linear
from albert_lab.model.torch.layers.losses import mean_cross_entropy
from albert_lab.model.torch.layers.packing import Packing, make_packing
from albert_lab.model.torch.outputs import (
    AlbertForPreTrainingOutput,
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    PreTrainingSums,
)
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel


class AlbertModel(AlbertPreTrainedModel):
    """Embeddings, projection, layers, pooler: what every head stands on (paper section 3.1).

    Raises:
        UserError: sizes that no model can have.
    """

    def __init__(self, config: AlbertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(self.config)
        self.encoder = Encoder(self.config, self.config.layer_map)
        self.pooler = Linear(self.config.hidden_size, self.config.hidden_size) if add_pooling_layer else None
        self._initialize(self)
        self.set_attn_implementation(self.config.attn_implementation)
        if self.config.gradient_checkpointing:
            self.gradient_checkpointing_enable()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> BaseModelOutputWithPooling:
        """Hidden states of every token, and the tanh-pooled [CLS].

        Args:
            input_ids: [B,S] integers; or None with `inputs_embeds` [B,S,E].
            attention_mask: [B,S], not 0 at real tokens; None where nothing is padded (the faster attention). Other
                shapes: see `attention.key_mask`.
            token_type_ids: [B,S] integers, 0 in the first segment; None: 0 everywhere.
            position_ids: [B,S] or [1,S] integers; None: 0 to S-1.
            output_attentions: also return every layer's probabilities (takes unfused products).
            output_hidden_states: also return the encoder's input and what every layer returned.
            return_dict: False returns a tuple of the fields that are set. None, for these three: as configured.

        Raises:
            UserError: S is above `max_position_embeddings`, an id beyond its table, or a mask of another shape.
            ValueError: not exactly one of `input_ids` and `inputs_embeds`.
        """
        inputs = (input_ids, token_type_ids, position_ids, inputs_embeds)
        with_hidden_states = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        with_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        packing = None if with_attentions else self.choose_packing(attention_mask)
        if packing is not None:
            encoded = self._encode_packed(packing, inputs, with_hidden_states)
        else:
            x_BSH = self.embeddings(*inputs)
            mask = key_mask(attention_mask, *x_BSH.shape[:2])
            encoded = self.encoder(x_BSH, mask, with_hidden_states, with_attentions, position_ids)
        pooled_BH = None if self.pooler is None else self.pooler(encoded.last_hidden_state[:, 0]).tanh()
        output = BaseModelOutputWithPooling(
            encoded.last_hidden_state, pooled_BH, encoded.hidden_states, encoded.attentions
        )
        return self._format_output(output, return_dict)

    def choose_packing(self, attention_mask: Tensor | None) -> Packing | None:
        """How to leave out padding, if configured and faster; compiled code has fixed shapes and keeps it.

        So does a GPU where its one kernel for sequences of several lengths can't be used.
        """
        removes = self.config.remove_padding and not torch.compiler.is_compiling()
        if not removes or attention_mask is None or attention_mask.dim() != 2:
            return None
        if attention_mask.is_cuda and not self._attends_at_once(attention_mask.device):
            return None
        packing = make_packing(attention_mask)
        return packing if packing.saves_time(self.config.hidden_size) else None

    def _attends_at_once(self, device: torch.device) -> bool:
        dtype = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else self.dtype
        return cast(AttentionBlock, self.encoder.attention[0]).attends_at_once(device, dtype)

    def _encode_packed(
        self, packing: Packing, inputs: tuple[Tensor | None, ...], with_hidden_states: bool
    ) -> EncoderOutput:
        """The encoder's output [B,S,H] of real tokens alone, 0 at padding."""
        input_ids, token_type_ids, position_ids, inputs_embeds = map(packing.pack, inputs)
        position_ids = packing.position_ids if position_ids is None else position_ids
        x_1TH = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds)
        last_1TH, states, _ = self.encoder(x_1TH, packing, with_hidden_states, position_ids=position_ids)
        padded = None if states is None else tuple(map(packing.unpack, states))
        return EncoderOutput(packing.unpack(last_1TH), padded, None)


class AlbertForPreTraining(AlbertPreTrainedModel):
    """The model with both pre-training heads: masked words and sentence order.

    `add_sentence_head=False` leaves out the sentence head and the pooler under it.
    """

    def __init__(self, config: AlbertConfig, add_sentence_head: bool = True) -> None:
        super().__init__(config)
        self.albert = AlbertModel(self.config, add_pooling_layer=add_sentence_head)
        self.predictions = self._initialize(MaskedLanguageModelHead(self.config))
        self.sop_classifier = self._initialize(SentenceOrderHead(self.config)) if add_sentence_head else None

    @property
    def architecture(self) -> str:
        return super().architecture if self.sop_classifier is not None else AlbertForMaskedLM.__name__

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        sentence_order_label: Tensor | None = None,
        masked_positions: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        return_sums: bool = False,
    ) -> AlbertForPreTrainingOutput | PreTrainingSums:
        """Logits of the words and of the sentence question; see `AlbertModel.forward` for the other arguments.

        Args:
            labels: [B,S] ids of the words to predict, -100 elsewhere; [N] with `masked_positions`.
            sentence_order_label: [B], 0 in order, 1 swapped. The loss needs both labels and is the sum of the means.
            masked_positions: [N] indices into the B*S tokens of the batch, row by row; None for all of them. Their
                states are selected before the product with the vocabulary: it costs N x V and not B*S x V.
            return_sums: return summed losses and hits instead, and never make the logits [N,V] of the words whole:
                what training and validation call.

        Raises:
            ValueError: `return_sums` without `labels`.
        """
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        if return_sums:
            table = self._word_table()
            words = self.predictions.sum_loss_and_hits(encoded.last_hidden_state, table, labels, masked_positions)
            return PreTrainingSums(*words, *self._sum_sentences(encoded.pooler_output, sentence_order_label))
        logits = self.predictions(encoded.last_hidden_state, self._word_table(), masked_positions)
        sop_logits = None if self.sop_classifier is None else self.sop_classifier(encoded.pooler_output)
        loss = None
        if labels is not None and sentence_order_label is not None and sop_logits is not None:
            loss = mean_cross_entropy(logits, labels)
            loss = loss + functional.cross_entropy(sop_logits, sentence_order_label.view(-1))
        output = AlbertForPreTrainingOutput(loss, logits, sop_logits, encoded.hidden_states, encoded.attentions)
        return self._format_output(output, return_dict)

    def _sum_sentences(self, pooled_BH: Tensor | None, labels_B: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """The summed cross-entropy of the sentence question and the hits; None for both without head or labels."""
        if self.sop_classifier is None or labels_B is None:
            return None, None
        logits = self.sop_classifier(pooled_BH).float()
        return functional.cross_entropy(logits, labels_B, reduction="sum"), (logits.argmax(-1) == labels_B).sum()


class AlbertForMaskedLM(AlbertPreTrainedModel):
    """The model with the masked-word head alone."""

    accepts_loss_kwargs = True  # `num_items_in_batch`

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(self.config, add_pooling_layer=False)
        self.predictions = self._initialize(MaskedLanguageModelHead(self.config))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        masked_positions: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        return_sums: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> MaskedLMOutput | PreTrainingSums:
        """Logits of the words; see `AlbertForPreTraining.forward` for the other arguments.

        Args:
            num_items_in_batch: labels of all batches that make up an optimizer step; the loss is then the sum over this
                batch divided by it, as Hugging Face's Trainer expects.
        """
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        if return_sums:
            table = self._word_table()
            words = self.predictions.sum_loss_and_hits(encoded.last_hidden_state, table, labels, masked_positions)
            return PreTrainingSums(*words)
        logits = self.predictions(encoded.last_hidden_state, self._word_table(), masked_positions)
        loss = None if labels is None else mean_cross_entropy(logits, labels, num_items=num_items_in_batch)
        return self._format_output(MaskedLMOutput(loss, logits, encoded.hidden_states, encoded.attentions), return_dict)
