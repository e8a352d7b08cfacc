"""A model of a few thousand weights in float64, and a batch with padding."""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from albert_lab.config.variant import ModelConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.outputs import AlbertForPreTrainingOutput
from tests.variants import TINY


class Batch(NamedTuple):
    input_ids: Tensor
    attention_mask: Tensor | None
    token_type_ids: Tensor
    masked_positions: Tensor | None


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_graphs_of_other_tests() -> None:
    """Compiling remembers what it saw of a function, and refuses it after eight models."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()


@pytest.fixture(scope="session")
def one_onnx_registry() -> Iterator[None]:
    """The exporter reads the signatures of 500 operators again for every graph: a quarter of a small graph's time."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture
def make_config() -> Callable[..., ModelConfig]:
    def make(**changes: Any) -> ModelConfig:
        return ModelConfig(**(TINY | changes))

    return make


@pytest.fixture
def batch() -> Batch:
    """Three sequences of 9, 7 and 4 tokens; id 0 is padding; five masked tokens, none of them padding."""
    lengths = torch.tensor([9, 7, 4])
    mask = torch.arange(9)[None, :] < lengths[:, None]
    ids = torch.randint(1, 50, (3, 9)) * mask
    segments = ((torch.arange(9)[None, :] >= 3) & mask).long()
    return Batch(ids, mask, segments, torch.tensor([1, 8, 10, 15, 20]))


@pytest.fixture
def loss_of() -> Callable[[AlbertForPreTrainingOutput], Tensor]:
    """The pre-training loss with fixed labels for `batch`."""

    def loss(output: AlbertForPreTrainingOutput) -> Tensor:
        assert output.sop_logits is not None
        words, order = torch.tensor([3, 1, 4, 1, 5]), torch.tensor([0, 1, 1])
        return functional.cross_entropy(output.prediction_logits, words) + functional.cross_entropy(
            output.sop_logits, order
        )

    return loss


@pytest.fixture
def perturb() -> Callable[[AlbertForPreTraining], None]:
    """Move every weight off its initial value, so that biases and LayerNorms count in a comparison."""

    def move(model: AlbertForPreTraining) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.2)

    return move
