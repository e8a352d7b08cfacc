"""Every head is one graph: compiled without a break, exported with free sizes, and as ONNX with shared weights once."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

import albert_lab
from albert_lab import AlbertConfig
from tests.model.peers import HEADS, TINY, gradients_of, make_inputs

GRAPHS = [*HEADS, "AlbertForQuestionAnsweringV2"]
every_graph = pytest.mark.parametrize("head", GRAPHS)


def make(head: str, **changes: Any) -> Any:
    torch.manual_seed(0)
    return getattr(albert_lab, head)(AlbertConfig(**(TINY | changes))).eval()


def inputs_of(head: str, sequences: int, tokens: int, labels: bool = False) -> dict[str, Tensor]:
    known = head if head in HEADS else "AlbertForQuestionAnswering"
    drawn = make_inputs(known, AlbertConfig(**TINY), sequences, tokens, given=["attention_mask", "token_type_ids"])
    return drawn if labels else {name: drawn[name] for name in ("input_ids", "attention_mask", "token_type_ids")}


def assert_close(graph: Any, eager: Any) -> None:
    assert list(graph) == list(eager)
    for one, two in zip(graph.to_tuple(), eager.to_tuple(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


@every_graph
@pytest.mark.parametrize("labels", [False, True])
def test_forward_compiles_without_a_break(head: str, labels: bool) -> None:
    model, inputs = make(head), inputs_of(head, 2, 7, labels)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert_close(compiled(**inputs), model(**inputs))


def test_a_compiled_model_has_the_same_gradients() -> None:
    model, inputs = make("AlbertForMaskedLM"), inputs_of("AlbertForMaskedLM", 2, 7, labels=True)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    gradients = gradients_of(model, compiled(**inputs).loss)
    for name, gradient in gradients_of(model, model(**inputs).loss).items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile's default backend needs a C++ compiler")
def test_the_default_backend_computes_the_same() -> None:
    model, inputs = make("AlbertModel", num_hidden_layers=1), inputs_of("AlbertModel", 2, 7)
    with torch.no_grad():
        assert_close(torch.compile(model, fullgraph=True)(**inputs), model(**inputs))


@cache
def exported(head: str) -> tuple[Any, ExportedProgram]:
    """A model and its graph; the numbers of sequences and tokens are free. A beam of 5 needs 5 tokens."""
    model, inputs = make(head), inputs_of(head, 2, 7)
    sizes = {0: Dim("sequences", min=1, max=64), inputs["input_ids"].dim() - 1: Dim("tokens", min=5, max=12)}
    return model, torch.export.export(model, (), inputs, dynamic_shapes=dict.fromkeys(inputs, sizes))


@every_graph
def test_an_exported_graph_runs_at_other_sizes(head: str) -> None:
    model, program = exported(head)
    graph = program.module()
    for sequences, tokens in ((1, 12), (5, 6)):
        inputs = inputs_of(head, sequences, tokens)
        assert_close(graph(**inputs), model(**inputs))


@every_graph
def test_an_exported_graph_holds_a_shared_weight_once(head: str) -> None:
    model, program = exported(head)
    assert sum(tensor.numel() for tensor in program.state_dict.values()) == model.num_parameters()


@every_graph
@pytest.mark.usefixtures("one_onnx_registry")
def test_onnx_runs_at_other_sizes(head: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model, program = exported(head)
    inputs = inputs_of(head, 5, 6)
    expected = model(**inputs)
    to_onnx(program, tmp_path / "model.onnx", list(expected))
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == list(expected)
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    for name, array in zip(expected, found, strict=True):
        np.testing.assert_allclose(array, expected[name].detach().numpy(), rtol=1e-4, atol=1e-6, err_msg=name)


def to_onnx(program: ExportedProgram, file: Path, outputs: list[str]) -> None:
    pytest.importorskip("onnxscript")
    torch.onnx.export(program, (), file, dynamo=True, verbose=False, output_names=outputs)


@pytest.mark.usefixtures("one_onnx_registry")
def test_an_onnx_file_stores_a_shared_block_once(tmp_path: Path) -> None:
    """Sizes at which weights are most of a file; with a block for each of its 4 layers it would be 3 times as large."""
    sizes = {"vocab_size": 8000, "embedding_size": 128, "hidden_size": 512, "intermediate_size": 2048}
    model = make("AlbertForMaskedLM", **sizes, num_hidden_layers=4, num_attention_heads=8)
    ids = torch.randint(8000, (1, 8))
    program = torch.export.export(model, (ids,))
    to_onnx(program, tmp_path / "model.onnx", ["logits"])
    weights = 4 * sum(parameter.numel() for parameter in model.parameters())
    stored = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert weights < stored < 1.1 * weights
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"input_ids": ids.numpy()})
    np.testing.assert_allclose(logits, model(ids).logits.detach().numpy(), rtol=1e-4, atol=1e-5)
