"""Leaving padding out, oneDNN and the chunked loss change results by rounding alone."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from albert_lab import AlbertConfig, AlbertForPreTraining, AlbertForSequenceClassification
from albert_lab.errors import UserError
from albert_lab.model.torch.layers import linear, losses, packing
from albert_lab.model.torch.layers.attention import varlen_fits
from albert_lab.model.torch.layers.blocks import AttentionBlock
from albert_lab.model.torch.layers.linear import (
    MATRIX_LIBRARIES,
    Linear,
    find_fastest_matrix_library,
    get_matrix_library,
    use_matrix_library,
)
from albert_lab.model.torch.layers.packing import make_packing
from tests.variants import TINY

SAVES_TIME = packing.Packing.saves_time
OPTIONS = {
    "plain": {},
    "relative": {"position_embedding_type": "relative_key_query"},
    "signals": {"depth_signal": "universal"},
    "checkpointing": {},
}


@pytest.fixture(autouse=True)
def matrix_library() -> Iterator[None]:
    before = get_matrix_library()
    yield
    use_matrix_library(before)


@pytest.fixture(autouse=True)
def any_padding_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing.Packing, "saves_time", lambda self, hidden_size: True)


def tiny(**changes: Any) -> AlbertConfig:
    return AlbertConfig(**(TINY | {"num_hidden_layers": 2} | changes))


def inputs(lengths: list[int], width: int) -> dict[str, Tensor]:
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    ids = torch.randint(1, 50, mask.shape) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.randint(0, 2, mask.shape) * mask}


def loss_and_gradients(model: nn.Module, **given: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    loss = model(**given).loss
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("option", OPTIONS)
@settings(max_examples=8, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_loss_and_gradients_are_those_of_the_padded_batch(option: str, lengths: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    model = AlbertForPreTraining(tiny(**OPTIONS[option])).double()
    if option == "checkpointing":
        model.gradient_checkpointing_enable()
    batch = inputs(lengths, 9)
    labels = torch.where(batch["attention_mask"], torch.randint(0, 50, batch["input_ids"].shape), -100)
    given_ = batch | {"labels": labels, "sentence_order_label": torch.randint(0, 2, (len(lengths),))}
    padded, padded_gradients = loss_and_gradients(model, **given_)
    model.config.remove_padding = True
    packed, packed_gradients = loss_and_gradients(model, **given_)
    torch.testing.assert_close(packed, padded, rtol=0, atol=1e-10)
    for name, gradient in padded_gradients.items():
        torch.testing.assert_close(packed_gradients[name], gradient, rtol=0, atol=1e-10, msg=name)


def test_hidden_states_are_0_at_padding_and_the_same_elsewhere() -> None:
    model = AlbertForSequenceClassification(tiny()).double().eval()
    batch = inputs([9, 4, 6], 9)
    padded = model(**batch, output_hidden_states=True)
    model.config.remove_padding = True
    packed = model(**batch, output_hidden_states=True)
    torch.testing.assert_close(packed.logits, padded.logits, rtol=0, atol=1e-12)
    assert len(packed.hidden_states) == len(padded.hidden_states)
    for mine, reference in zip(packed.hidden_states, padded.hidden_states, strict=True):
        real = batch["attention_mask"]
        torch.testing.assert_close(mine[real], reference[real], rtol=0, atol=1e-12)
        assert not mine[~real].any()


def test_padding_anywhere_keeps_the_positions_of_tokens() -> None:
    model = AlbertForSequenceClassification(tiny()).double().eval()
    batch = inputs([9, 9], 9)
    batch["attention_mask"][:, 2:4] = False
    batch["attention_mask"][1, 7] = False
    padded = model(**batch).logits
    model.config.remove_padding = True
    torch.testing.assert_close(model(**batch).logits, padded, rtol=0, atol=1e-12)


def test_attentions_are_asked_for_with_their_padding() -> None:
    model = AlbertForSequenceClassification(tiny(remove_padding=True)).eval()
    assert model(**inputs([9, 4], 9), output_attentions=True).attentions[0].shape[-2:] == (9, 9)


def test_only_real_tokens_are_computed() -> None:
    found = make_packing(torch.tensor([[1, 1, 0], [1, 0, 0]]))
    assert (found.lengths, found.num_real) == ((2, 1, *[3] * 9, 2), 3)
    x = torch.arange(6.0).view(2, 3, 1)
    assert found.pack(x).flatten().tolist() == [0, 1, 3] + [0] * 29
    assert found.unpack(found.pack(x)).flatten().tolist() == [0, 1, 0, 3, 0, 0]


def test_padding_stays_where_leaving_it_out_saves_no_time() -> None:
    assert not SAVES_TIME(make_packing(torch.ones(4, 9)), hidden_size=4096)
    some_padding = make_packing(torch.arange(128) < torch.tensor([[128], [60], [70], [90]]))
    assert [SAVES_TIME(some_padding, hidden_size=size) for size in (24, 768)] == [False, True]


def varlen_attn(query: Tensor, key: Tensor, value: Tensor, q: Tensor, k: Tensor, max_q: int, max_k: int) -> Tensor:
    """The contract of `torch.nn.attention.varlen.varlen_attn`, whose kernel is for GPUs alone."""
    assert q.dtype is k.dtype is torch.int32
    assert max_q == max_k == int(q.diff().max())
    parts = zip(*(x.split(q.diff().tolist()) for x in (query, key, value)), strict=True)
    return torch.cat(
        [functional.scaled_dot_product_attention(*(x.transpose(0, 1) for x in part)).transpose(0, 1) for part in parts]
    )


def test_one_kernel_for_all_sequences_is_given_what_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = AlbertForPreTraining(tiny()).double()
    batch = inputs([9, 4, 6], 9)
    labels = torch.where(batch["attention_mask"], batch["input_ids"], -100)
    given_ = batch | {"labels": labels, "sentence_order_label": torch.tensor([0, 1, 1])}
    padded, padded_gradients = loss_and_gradients(model, **given_)
    model.config.remove_padding = True
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_attn)
    monkeypatch.setattr(AttentionBlock, "attends_at_once", lambda self, device, dtype: True)
    packed, packed_gradients = loss_and_gradients(model, **given_)
    torch.testing.assert_close(packed, padded, rtol=0, atol=1e-10)
    for name, gradient in padded_gradients.items():
        torch.testing.assert_close(packed_gradients[name], gradient, rtol=0, atol=1e-10, msg=name)


def test_one_kernel_for_all_sequences_needs_a_gpu_16_bits_and_no_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, low = torch.device("cuda"), torch.bfloat16
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert varlen_fits(gpu, low, 64, 0.0)
    assert not varlen_fits(torch.device("cpu"), low, 64, 0.0)
    assert not varlen_fits(gpu, torch.float32, 64, 0.0)
    assert not varlen_fits(gpu, low, 64, 0.1)
    assert not varlen_fits(gpu, low, 257, 0.0)
    sizes = {"hidden_size": 32, "num_attention_heads": 2}
    blocks = [AttentionBlock(tiny(**sizes, position_embedding_type=kind)) for kind in ("absolute", "relative_key")]
    assert [block.attends_at_once(gpu, low) for block in blocks] == [True, False]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert not varlen_fits(gpu, low, 64, 0.0)


@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 8), (8,)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_onednn_gives_what_pytorch_gives(shape: tuple[int, ...], bias: bool) -> None:
    x, layer = torch.randn(*shape, requires_grad=True), Linear(8, 5, bias=bias)
    found = {}
    for name in MATRIX_LIBRARIES:
        use_matrix_library(name)
        y = layer(x)
        found[name] = [y.detach(), *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])]
    for one, other in zip(*found.values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_onednn_is_used_for_float32_alone() -> None:
    use_matrix_library("onednn")
    layer = Linear(8, 5)
    assert "OneDnn" in type(layer(torch.randn(2, 8)).grad_fn).__name__
    assert "OneDnn" not in type(layer.double()(torch.randn(2, 8).double()).grad_fn).__name__
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.float()(torch.randn(2, 8)).dtype is torch.bfloat16


def test_the_matrix_library_is_measured_and_a_wrong_name_refused() -> None:
    library, speeds = find_fastest_matrix_library()
    assert library in MATRIX_LIBRARIES
    assert all(speed > 0 for speed in speeds.values())
    assert library == max(speeds, key=lambda name: speeds[name]) or library == "mkl"
    with pytest.raises(UserError, match="no matrix library 'onednm'; did you mean 'onednn'"):
        use_matrix_library("onednm")


@pytest.mark.parametrize(("mkl", "onednn", "chosen"), [(1.0, 0.5, "onednn"), (0.5, 1.0, "mkl"), (1.0, 0.98, "mkl")])
def test_the_faster_matrix_library_is_chosen_and_noise_changes_nothing(
    mkl: float, onednn: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"mkl": mkl, "onednn": onednn}
    monkeypatch.setattr(linear, "_time_linear", lambda *size: seconds[get_matrix_library()])
    library, speeds = find_fastest_matrix_library()
    assert library == chosen
    assert speeds["mkl"] / speeds["onednn"] == pytest.approx(onednn / mkl)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 12), rows=st.integers(1, 5), seed=st.integers(0, 99))
def test_the_chunked_loss_is_cross_entropy(count: int, rows: int, seed: int) -> None:
    torch.manual_seed(seed)
    x, table, bias = (
        torch.randn(*shape, dtype=torch.double, requires_grad=True) for shape in ((count, 6), (30, 6), (30,))
    )
    labels = torch.randint(0, 30, (count,))
    labels[::3] = losses.IGNORED
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(losses, "CHUNK_BYTES", rows * 4 * 30)
        loss, hits = losses.word_loss_and_hits(x, table, bias, labels)
    logits = functional.linear(x, table, bias)
    reference = functional.cross_entropy(logits, labels, reduction="sum")
    torch.testing.assert_close(loss, reference, rtol=0, atol=1e-10)
    assert hits == (logits.argmax(-1) == labels).sum()  # no logit is number -100
    for mine, other in zip(
        *(torch.autograd.grad(0.5 * each, (x, table, bias)) for each in (loss, reference)), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


def test_the_chunked_loss_in_bf16_stays_near_float32() -> None:
    x, table, bias = torch.randn(7, 16, requires_grad=True), torch.randn(30, 16, requires_grad=True), torch.randn(30)
    labels = torch.randint(0, 30, (7,))
    exact, _ = losses.word_loss_and_hits(x, table, bias, labels)
    with torch.autocast("cpu", torch.bfloat16):
        low, _ = losses.word_loss_and_hits(x, table, bias, labels)
    assert low.dtype is torch.float32
    torch.testing.assert_close(low, exact, rtol=0.02, atol=0.1)


def test_without_gradients_none_are_made() -> None:
    table = torch.randn(30, 16, requires_grad=True)
    with torch.no_grad():
        loss, _ = losses.word_loss_and_hits(
            torch.randn(7, 16), table, torch.zeros(30), torch.zeros(7, dtype=torch.long)
        )
    assert loss.grad_fn is None
