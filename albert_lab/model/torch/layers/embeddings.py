"""Token, position and segment embeddings, and the projection from embedding to hidden size."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import torch
from torch import Tensor, nn

from albert_lab.config.variant import PositionEmbedding
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import check_length, has_projection
from albert_lab.model.torch.layers.linear import Linear


class Embeddings(nn.Module):
    """Factorized embeddings: tables of width E, summed, normalized, then projected to H (paper section 3.1)."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        padding = config.pad_token_id if config.freeze_pad_embedding else None
        self.word_embeddings = nn.Embedding(config.vocab_size, config.embedding_size, padding_idx=padding)
        absolute = config.position_embedding_type is PositionEmbedding.absolute
        positions = nn.Embedding(config.max_position_embeddings, config.embedding_size) if absolute else None
        self.position_embeddings = positions
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.embedding_size)
        self.LayerNorm = nn.LayerNorm(config.embedding_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.projection: nn.Linear | None = (
            Linear(config.embedding_size, config.hidden_size) if has_projection(config) else None
        )

    def forward(
        self,
        input_ids_BS: Tensor | None,
        token_type_ids_BS: Tensor | None = None,
        position_ids_BS: Tensor | None = None,
        inputs_embeds_BSE: Tensor | None = None,
    ) -> Tensor:
        """Hidden states [B,S,H] that enter the first layer.

        Args:
            input_ids_BS: ids; or None, with `inputs_embeds_BSE` instead of rows of the word table.
            token_type_ids_BS: the segment of every token; None: 0 everywhere.
            position_ids_BS: the position of every token, also [1,S]; None: 0 to S-1.

        Raises:
            UserError: S is above `max_position_embeddings`, an id beyond its table, or not [B,S].
            ValueError: not exactly one of ids and embeddings.
        """
        if (input_ids_BS is None) == (inputs_embeds_BSE is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        if inputs_embeds_BSE is None:
            input_ids_BS = _check_dims("[B,S]", input_ids_BS, "input_ids")
            inputs_embeds_BSE = _look_up(self.word_embeddings, input_ids_BS, "input_ids")
        _check_dims("[B,S,E]", inputs_embeds_BSE, "inputs_embeds")
        x_BSE = inputs_embeds_BSE + self._embed_segments(token_type_ids_BS)
        if self.position_embeddings is not None:
            x_BSE = x_BSE + self._embed_positions(self.position_embeddings, position_ids_BS, x_BSE.shape[1])
        x_BSE = self.dropout(self.LayerNorm(x_BSE))
        return x_BSE if self.projection is None else self.projection(x_BSE)

    def _embed_segments(self, token_type_ids_BS: Tensor | None) -> Tensor:
        if token_type_ids_BS is None:
            return self.token_type_embeddings.weight[0]
        return _look_up(self.token_type_embeddings, token_type_ids_BS, "token_type_ids")

    def _embed_positions(self, table: nn.Embedding, position_ids_BS: Tensor | None, seq_length: int) -> Tensor:
        if position_ids_BS is not None:
            return _look_up(table, position_ids_BS, "position_ids")
        check_length(seq_length, table.num_embeddings)
        return table.weight[:seq_length]


def _check_dims(wanted: str, given: Tensor | None, name: str) -> Tensor:
    assert given is not None
    if given.dim() != wanted.count(",") + 1:
        raise UserError(f"{name} has the shape {list(given.shape)}; give {wanted}")
    return given


HINTS = {  # on an id beyond its table
    "input_ids": "is the tokenizer another model's?",
    "token_type_ids": "model.type_vocab_size has the number of segments",
    "position_ids": "model.max_position_embeddings has the number of positions",
}


def _look_up(table: nn.Embedding, ids: Tensor, name: str) -> Tensor:
    """The table's rows; an id beyond it is explained where PyTorch notices it (on the CPU)."""
    if torch.compiler.is_compiling():
        return table(ids)
    try:
        return table(ids)
    except IndexError:
        size = table.num_embeddings
        wrong = ids[(ids < 0) | (ids >= size)][0]
        raise UserError(
            f"{name} holds {int(wrong)} and the model has {size} rows for it: 0 to {size - 1}; {HINTS[name]}"
        ) from None
