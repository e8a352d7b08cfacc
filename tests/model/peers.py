"""Pairs of a model of the lab and Hugging Face's of the same class, sizes and weights, and inputs for both."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor, nn

import albert_lab
from albert_lab.config.variant import Activation
from albert_lab.model.formats.hf_format import hf_names
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.model.torch.state_names import own_names

transformers = pytest.importorskip("transformers", minversion="5.23")

Labels = Callable[[int, int, Any], dict[str, Tensor]]  # (sequences, tokens, configuration) -> arguments
TINY = {
    "vocab_size": 29,
    "embedding_size": 6,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 10,
    "max_position_embeddings": 12,
}
# What of Google's training differs from Hugging Face's, set to Hugging Face's.
AS_HUGGING_FACE = {"ffn_dropout": False, "sop_dropout": True, "freeze_pad_embedding": True}


def _words(sequences: int, tokens: int, config: Any) -> dict[str, Tensor]:
    labels = torch.randint(config.vocab_size, (sequences, tokens))
    hidden = torch.rand(labels.shape) < 0.6
    hidden[0, 0] = False  # one label at least: with none, Hugging Face's loss is not a number
    return {"labels": labels.masked_fill(hidden, -100)}


def _pretraining(sequences: int, tokens: int, config: Any) -> dict[str, Tensor]:
    return _words(sequences, tokens, config) | {"sentence_order_label": torch.randint(2, (sequences,))}


def _sequence(sequences: int, tokens: int, config: Any) -> dict[str, Tensor]:
    if config.problem_type == "regression" or (config.problem_type is None and config.num_labels == 1):
        shape = (sequences,) if config.num_labels == 1 else (sequences, config.num_labels)
        return {"labels": torch.randn(shape).double()}
    if config.problem_type == "multi_label_classification":
        return {"labels": torch.randint(2, (sequences, config.num_labels)).double()}
    return {"labels": torch.randint(config.num_labels, (sequences,))}


def _tokens(sequences: int, tokens: int, config: Any) -> dict[str, Tensor]:
    labels = torch.randint(config.num_labels, (sequences, tokens))
    labels[:, 1:][torch.rand(sequences, tokens - 1) < 0.4] = -100
    return {"labels": labels}


def _answers(sequences: int, tokens: int, config: Any) -> dict[str, Tensor]:
    """Some positions are beyond the tokens (cut off), but not the first, else the loss is not a number."""
    ends = {name: torch.randint(tokens + 3, (sequences,)) for name in ("start_positions", "end_positions")}
    for positions in ends.values():
        positions[0] = 0
    return ends


HEADS: dict[str, Labels] = {
    "AlbertModel": lambda sequences, tokens, config: {},
    "AlbertForPreTraining": _pretraining,
    "AlbertForMaskedLM": _words,
    "AlbertForSequenceClassification": _sequence,
    "AlbertForMultipleChoice": lambda sequences, tokens, config: {"labels": torch.randint(3, (sequences,))},
    "AlbertForTokenClassification": _tokens,
    "AlbertForQuestionAnswering": _answers,
}
every_head = pytest.mark.parametrize("head", HEADS)


class Pair(NamedTuple):
    ours: AlbertPreTrainedModel
    theirs: Any
    names: dict[str, str]  # our parameters -> theirs


def make_pair(head: str, attention: str = "sdpa", **changes: Any) -> Pair:
    """Both in float64 and evaluation mode, with random weights everywhere, biases and LayerNorms too."""
    sizes = TINY | changes
    theirs = getattr(transformers, head)._from_config(
        transformers.AlbertConfig(**sizes, attn_implementation=attention), dtype=torch.float64
    )
    ours = getattr(albert_lab, head)(albert_lab.AlbertConfig(**sizes, **AS_HUGGING_FACE, attn_implementation=attention))
    names = hf_names(ours.config, own_names(ours))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn_like(parameter) / 3)
        state = theirs.state_dict()
        ours.double().load_state_dict({own: state[name] for own, name in names.items()})
    return Pair(ours.eval(), theirs.eval(), names)


def make_inputs(
    head: str, config: Any, sequences: int = 3, tokens: int = 7, given: Iterable[str] = ()
) -> dict[str, Any]:
    """Arguments of the head, with labels; `given` names those of the optional ones to draw."""
    shape = (sequences, 3, tokens) if head == "AlbertForMultipleChoice" else (sequences, tokens)
    lengths = torch.randint(1, tokens + 1, shape[:-1])
    mask = (torch.arange(tokens) < lengths[..., None]).long()
    drawn = {
        "attention_mask": mask,
        "token_type_ids": torch.randint(config.type_vocab_size, shape),
        "position_ids": torch.randint(config.max_position_embeddings, shape),
        "inputs_embeds": torch.randn(*shape, config.embedding_size, dtype=torch.float64),
    }
    inputs = {name: drawn[name] for name in given}
    if "inputs_embeds" not in inputs:
        inputs["input_ids"] = torch.randint(config.vocab_size, shape) * mask
    return inputs | HEADS[head](sequences, tokens, config)


@st.composite
def sizes(draw: st.DrawFn) -> dict[str, Any]:
    """Of a model: E, H, A, L, groups, inner groups, activation."""
    heads, layers = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return {
        "embedding_size": draw(st.integers(1, 9)),
        "num_attention_heads": heads,
        "hidden_size": heads * draw(st.integers(2, 4)),
        "intermediate_size": draw(st.integers(1, 12)),
        "num_hidden_layers": layers,
        "num_hidden_groups": draw(st.integers(1, layers)),
        "inner_group_num": draw(st.integers(1, 2)),
        "hidden_act": draw(st.sampled_from([activation.value for activation in Activation])),
        "type_vocab_size": draw(st.integers(2, 3)),
        "num_labels": 2,
    }


def gradients_of(model: nn.Module, loss: Tensor) -> dict[str, Tensor | None]:
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}
