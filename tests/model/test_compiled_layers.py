"""Layers that `torch.compile` made equal eager ones to rounding, whatever else is switched on."""

import os
import shutil
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from albert_lab import AlbertConfig, AlbertForPreTraining, SharingConfig, make_layer_map
from albert_lab.errors import UserError
from albert_lab.model.torch.layers.packing import Packing
from albert_lab.train import compiler
from albert_lab.train.tasks.scores import score
from tests.variants import TINY

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="no C++ compiler, which torch.compile needs on a CPU"
)
LAYERS = 3
DROPOUTS = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}


@pytest.fixture(autouse=True)
def any_padding_pays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Packing, "saves_time", lambda self, hidden_size: True)
    yield
    torch.compiler.reset()


def model_of(scheme: str) -> AlbertForPreTraining:
    layer_map = make_layer_map(SharingConfig(scheme), LAYERS)
    sizes = TINY | DROPOUTS | {"num_hidden_layers": LAYERS}
    return AlbertForPreTraining(AlbertConfig(**sizes, layer_map=layer_map, remove_padding=True))


def batch_of(lengths: list[int]) -> dict[str, Tensor]:
    mask = torch.arange(9) < torch.tensor(lengths)[:, None]
    return {
        "input_ids": torch.randint(1, 50, mask.shape) * mask,
        "attention_mask": mask,
        "token_type_ids": torch.zeros(mask.shape, dtype=torch.long),
        "masked_positions": torch.tensor([1, 2, 10]),
        "masked_labels": torch.tensor([3, 4, 5]),
        "sentence_labels": torch.zeros(len(lengths), dtype=torch.long),
    }


def loss_and_gradients(model: AlbertForPreTraining, batch: dict[str, Tensor]) -> list[Tensor]:
    model.zero_grad()
    torch.manual_seed(1)  # of dropout
    scores = score(model, batch)
    loss = scores.mlm_loss + scores.sentence_loss
    loss.backward()
    return [loss.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@needs_compiler
@pytest.mark.parametrize(("scheme", "recompute"), [("all", False), ("none", True)])
def test_equal_to_eager_with_dropout_packed_or_not_and_recomputed(scheme: str, recompute: bool) -> None:
    model = model_of(scheme)
    if recompute:
        model.gradient_checkpointing_enable()
    batches = [batch_of(lengths) for lengths in ([9, 9], [9, 4], [9, 7, 2])]
    expected, names = [loss_and_gradients(model, batch) for batch in batches], list(model.state_dict())
    model.albert.encoder.compile_layers()
    for batch, eager in zip(batches, expected, strict=True):
        torch.testing.assert_close(loss_and_gradients(model, batch), eager, rtol=1e-5, atol=1e-5)
    assert list(model.state_dict()) == names


@needs_compiler
@pytest.mark.parametrize("scheme", ["all", "none"])
def test_all_layers_have_one_graph(scheme: str) -> None:
    from torch._dynamo.utils import counters

    model = model_of(scheme).eval()
    model.albert.encoder.compile_layers()
    counters.clear()
    with torch.no_grad():
        score(model, batch_of([9, 9]))
        assert counters["stats"]["unique_graphs"] == 1
        score(model, batch_of([9, 4]))  # 32 tokens; a graph for a view, as enters the first layer, and one for the rest
        graphs = counters["stats"]["unique_graphs"]
        assert graphs <= 3
        score(model, batch_of([9, 7, 2, 9, 9]))  # 64
        assert counters["stats"]["unique_graphs"] == graphs, "any number of packed tokens has one graph"


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"trainer\.compile=true needs a C\+\+ compiler, and no-such-compiler"):
        compiler.check_compiler("cpu")
