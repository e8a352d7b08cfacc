"""The two pre-training heads: which word was masked, and are the two segments in order."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import torch
from torch import Tensor, nn

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import output_width
from albert_lab.model.torch.layers.activations import ACTIVATIONS
from albert_lab.model.torch.layers.linear import Linear, linear
from albert_lab.model.torch.layers.word_loss import word_loss_and_hits


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

    def forward(self, x_NH: Tensor, word_embeddings_VE: Tensor) -> Tensor:
        """Logits [N,V] of the positions given; a tied table is passed in, so it is stored once."""
        return linear(self._transformed(x_NH), self._table(word_embeddings_VE), self.bias)

    def loss_and_hits(self, x_NH: Tensor, word_embeddings_VE: Tensor, labels_N: Tensor) -> tuple[Tensor, Tensor]:
        """The summed cross-entropy, in nats, and how many labels have the highest logit; [N,V] is never held whole."""
        table_VE = self._table(word_embeddings_VE)
        return word_loss_and_hits(self._transformed(x_NH), table_VE, self.bias, labels_N)

    def _transformed(self, x_NH: Tensor) -> Tensor:
        return self.LayerNorm(self.activation(self.dense(x_NH)))

    def _table(self, word_embeddings_VE: Tensor) -> Tensor:
        return word_embeddings_VE if self.decoder is None else self.decoder.weight


class SentenceOrderHead(nn.Module):
    """Two-way classification of the segment pair from the pooled [CLS]: 0 in order, 1 swapped."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.classifier_dropout_prob if config.sop_dropout else 0.0)
        self.classifier = nn.Linear(config.hidden_size, 2)

    def forward(self, pooled_BH: Tensor) -> Tensor:
        """Logits [B,2]."""
        return self.classifier(self.dropout(pooled_BH))
