"""Models are copied, pickled, saved whole and quantized as any PyTorch module."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import albert_lab
from albert_lab import AlbertConfig, AlbertForMaskedLM
from albert_lab.model.torch.layers.linear import Linear
from tests.model.peers import HEADS, TINY, make_inputs, make_pair

every_class = pytest.mark.parametrize("head", [*HEADS, "AlbertForQuestionAnsweringV2"])


def save_and_load(model: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "torch.save": save_and_load,
}


@every_class
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_computes_the_same_and_shares_nothing(head: str, how: str) -> None:
    model = getattr(albert_lab, head)(AlbertConfig(**TINY)).eval()
    again = COPIES[how](model)
    inputs = {"input_ids": torch.arange(1, 13).view(2, 2, 3) if "Choice" in head else torch.arange(1, 11).view(2, 5)}
    assert type(again) is type(model)
    assert again.config == model.config
    assert again.config is not model.config
    assert all(
        torch.equal(one, two) for one, two in zip(again(**inputs).values(), model(**inputs).values(), strict=True)
    )
    addresses = {parameter.data_ptr() for parameter in model.parameters()}
    assert not addresses & {parameter.data_ptr() for parameter in again.parameters()}
    again.config.num_labels = 7
    assert model.config.num_labels == 2


@every_class
def test_an_output_is_copied_and_pickled(head: str) -> None:
    inputs = {"input_ids": torch.arange(1, 13).view(2, 2, 3) if "Choice" in head else torch.arange(1, 11).view(2, 5)}
    with torch.no_grad():
        output = getattr(albert_lab, head)(AlbertConfig(**TINY)).eval()(**inputs)
    for again in (copy.deepcopy(output), pickle.loads(pickle.dumps(output))):
        assert list(again) == list(output)
        assert torch.equal(again[0], output[0])


quantize = pytest.importorskip("torch.ao.quantization").quantize_dynamic


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dtype", [torch.qint8, torch.float16])
@pytest.mark.filterwarnings("ignore")  # torch.ao announces its successor
def test_every_linear_map_is_quantized_as_hugging_faces_are(head: str, dtype: torch.dtype) -> None:
    pair = make_pair(head)
    models = [pair.ours.float(), pair.theirs.float()]
    quantized = [quantize(model, {nn.Linear}, dtype=dtype) for model in models]
    kind = torch.ao.nn.quantized.dynamic.Linear
    counts = [sum(isinstance(module, kind) for module in model.modules()) for model in quantized]
    tied = 1 if "predictions" in dict(pair.theirs.named_children()) else 0  # our tied decoder has no module
    assert counts[0] == counts[1] - tied
    assert not any(isinstance(module, nn.Linear) for module in quantized[0].modules())
    inputs = {
        name: value.float() if value.is_floating_point() else value
        for name, value in make_inputs(head, pair.ours.config).items()
    }
    torch.testing.assert_close(quantized[0](**inputs)[0], models[0](**inputs)[0], rtol=0.2, atol=0.2)
    assert any(type(module) is Linear for module in pair.ours.modules())  # the original stays as it was


@pytest.mark.filterwarnings("ignore")
def test_a_model_within_a_module_is_quantized_too() -> None:
    model = nn.Sequential(AlbertForMaskedLM(AlbertConfig(**TINY)).eval())
    quantized = quantize(model, {nn.Linear}, dtype=torch.qint8)
    assert not any(isinstance(module, nn.Linear) for module in quantized.modules())
    assert quantized(torch.tensor([[1, 2]])).logits.isfinite().all()
