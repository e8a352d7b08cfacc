"""The two pre-training heads: which word was masked, and are the two segments in order."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import torch
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import output_width
from albert_lab.model.torch.layers.activations import ACTIVATIONS
from albert_lab.model.torch.layers.linear import ROWS, Linear, linear
from albert_lab.model.torch.layers.losses import IGNORED, word_loss_and_hits


class MaskedLanguageModelHead(nn.Module):
    """H -> E, activation, LayerNorm, then the product with the word embeddings and a bias.

    Untied, the product is with a table of the head's own, which may have another width than E: a narrow input and a
    wide output (RemBERT; Chung et al., arXiv 2010.12821).
    """

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        size = output_width(config)
        self.dense = Linear(config.hidden_size, size)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.decoder = None if config.tie_word_embeddings else nn.Linear(size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, x_BSH: Tensor, word_embeddings_VE: Tensor, masked_positions_N: Tensor | None = None) -> Tensor:
        """Logits [N,V] at the positions given, or [B,S,V]; a tied table is passed in, so it is stored once.

        Args:
            masked_positions_N: indices into the B*S tokens, row by row. Their states are selected before the product
                with the vocabulary, so that it costs N x V and not B*S x V. None: all of them.
        """
        x = x_BSH if masked_positions_N is None else select_positions(x_BSH, masked_positions_N)
        return linear(self._transform(x), self._table(word_embeddings_VE), self.bias)

    def sum_loss_and_hits(
        self, x_BSH: Tensor, word_embeddings_VE: Tensor, labels: Tensor | None, masked_positions_N: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The summed cross-entropy, in nats, and how many labels have the highest logit; [N,V] never exists whole.

        Args:
            labels: [N] ids of the words at `masked_positions_N`, or [B,S] without; -100 where none counts.

        Raises:
            ValueError: no labels.
        """
        if labels is None:
            raise ValueError("a sum of losses needs labels")
        if masked_positions_N is None:
            x_NH = x_BSH.flatten(0, 1)
        else:  # with some more that don't count: see ROWS
            filler = -labels.numel() % ROWS
            x_NH = select_positions(x_BSH, functional.pad(masked_positions_N, (0, filler)))
            labels = functional.pad(labels, (0, filler), value=IGNORED)
        table_VE = self._table(word_embeddings_VE)
        return word_loss_and_hits(self._transform(x_NH), table_VE, self.bias, labels.flatten())

    def _transform(self, x_NH: Tensor) -> Tensor:
        return self.LayerNorm(self.activation(self.dense(x_NH)))

    def _table(self, word_embeddings_VE: Tensor) -> Tensor:
        return word_embeddings_VE if self.decoder is None else self.decoder.weight


def select_positions(x_BSH: Tensor, positions_N: Tensor) -> Tensor:
    """The hidden states [N,H] at these of the B*S tokens."""
    return x_BSH.flatten(0, 1).index_select(0, positions_N)


class SentenceOrderHead(nn.Module):
    """Two-way classification of the segment pair from the pooled [CLS]: 0 in order, 1 swapped."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.classifier_dropout_prob if config.sop_dropout else 0.0)
        self.classifier = nn.Linear(config.hidden_size, 2)

    def forward(self, pooled_BH: Tensor) -> Tensor:
        """Logits [B,2]."""
        return self.classifier(self.dropout(pooled_BH))
