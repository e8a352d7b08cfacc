"""Token, position and segment embeddings, and the projection from embedding to hidden size."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in pretraining.py)

from torch import Tensor, nn

from albert_lab.config.errors import UserError
from albert_lab.config.schema import ModelConfig
from albert_lab.model.shape import has_projection


class Embeddings(nn.Module):
    """Factorized embeddings: tables of width E, summed, normalized, then projected to H (paper section 3.1)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocab_size, config.embedding_size)
        self.position = nn.Embedding(config.max_position_embeddings, config.embedding_size)
        self.token_type = nn.Embedding(config.type_vocab_size, config.embedding_size)
        self.norm = nn.LayerNorm(config.embedding_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.projection = nn.Linear(config.embedding_size, config.hidden_size) if has_projection(config) else None

    def forward(self, input_ids_BS: Tensor, token_type_ids_BS: Tensor) -> Tensor:
        """Hidden states [B,S,H] that enter the first layer.

        Raises:
            UserError: S is above `max_position_embeddings`.
        """
        self._check_length(input_ids_BS.shape[1])
        position_SE = self.position.weight[: input_ids_BS.shape[1]]
        x_BSE = self.word(input_ids_BS) + self.token_type(token_type_ids_BS) + position_SE
        x_BSE = self.dropout(self.norm(x_BSE))
        return x_BSE if self.projection is None else self.projection(x_BSE)

    def _check_length(self, seq_length: int) -> None:
        longest = self.position.num_embeddings
        if seq_length > longest:
            raise UserError(
                f"a sequence of {seq_length} tokens is longer than model.max_position_embeddings={longest}; "
                f"cut it to {longest} tokens or build the model with {seq_length}"
            )
