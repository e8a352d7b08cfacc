"""Relative positions: learned vectors of the distance between two tokens, as an addition to the attention scores."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import torch
from torch import Tensor, nn

from albert_lab.config.variant import ModelConfig, PositionEmbedding
from albert_lab.model.shape import check_length

RELATIVE = (PositionEmbedding.relative_key, PositionEmbedding.relative_key_query)


class RelativePositions(nn.Module):
    """A vector of width D per distance, times the query (Shaw et al., arXiv 1803.02155), or query and key (2009.13658).

    `AlbertAttention` of transformers 4.57.6 does the same (5 has dropped it): distances count tokens of the row,
    whatever `position_ids` says; the products are not divided by sqrt(D); a block has one table, shared as it is.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.longest = config.max_position_embeddings
        self.with_key = config.position_embedding_type is PositionEmbedding.relative_key_query
        head_size = config.hidden_size // config.num_attention_heads
        self.distance_embedding = nn.Embedding(2 * self.longest - 1, head_size)

    def forward(self, query_BASD: Tensor, key_BASD: Tensor, mask: Tensor | None) -> Tensor:
        """What to add to the scores, [B,A,S,S]; the mask (`attention.key_mask`'s) is in it.

        Raises:
            UserError: more tokens than `max_position_embeddings`.
        """
        check_length(query_BASD.shape[2], self.longest)
        positions_S = torch.arange(query_BASD.shape[2], device=query_BASD.device)
        distances_SS = positions_S[:, None] - positions_S[None, :]  # query's minus key's
        table_SSD = self.distance_embedding(distances_SS + self.longest - 1).to(query_BASD.dtype)
        bias_BASS = torch.einsum("baqd,qkd->baqk", query_BASD, table_SSD)
        if self.with_key:
            bias_BASS = bias_BASS + torch.einsum("bakd,qkd->baqk", key_BASD, table_SSD)
        return _add_mask(bias_BASS, mask)


def _add_mask(bias_BASS: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return bias_BASS
    if mask.dtype is torch.bool:  # filled in and not added: nothing is below the lowest number
        return bias_BASS.masked_fill(~mask, torch.finfo(bias_BASS.dtype).min)
    return bias_BASS + mask.to(bias_BASS.dtype)
