"""The two pre-training heads: which word was masked, and are the two segments in order."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in pretraining.py)

import torch
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.config.schema import ModelConfig
from albert_lab.model.activations import ACTIVATIONS


class MaskedLanguageModelHead(nn.Module):
    """H -> E, activation, LayerNorm, then the product with the word embeddings (tied) and a bias."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.norm = nn.LayerNorm(config.embedding_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, x_NH: Tensor, word_embeddings_VE: Tensor) -> Tensor:
        """Logits [N,V] of the positions given; the embedding table is passed in, so it is stored once."""
        x_NE = self.norm(self.activation(self.dense(x_NH)))
        return functional.linear(x_NE, word_embeddings_VE, self.bias)


class SentenceHead(nn.Module):
    """Two-way classification of the segment pair on the tanh-pooled [CLS]; no dropout, as in Google's code."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier = nn.Linear(config.hidden_size, 2)

    def forward(self, x_BSH: Tensor) -> Tensor:
        """Logits [B,2]."""
        return self.classifier(self.pooler(x_BSH[:, 0]).tanh())
