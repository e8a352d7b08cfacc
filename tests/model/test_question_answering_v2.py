"""The head of SQuAD 2.0 equals Google's (run_squad_v2.py), written out here token by token in numpy."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lab import AlbertConfig, AlbertForQuestionAnswering, AlbertForQuestionAnsweringV2
from tests.model.peers import TINY, gradients_of

Array = np.ndarray[Any, np.dtype[np.float64]]


def make(**arguments: Any) -> AlbertForQuestionAnsweringV2:
    model = AlbertForQuestionAnsweringV2(AlbertConfig(**TINY), **arguments).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def make_batch(sequences: int, tokens: int) -> dict[str, torch.Tensor]:
    p_mask = (torch.rand(sequences, tokens) < 0.4).long()
    p_mask[:, 0] = 0  # [CLS] may be the answer: there is none
    return {"input_ids": torch.randint(29, (sequences, tokens)), "p_mask": p_mask}


class Google:
    """The head over the states of one sequence [S,H]."""

    def __init__(self, model: AlbertForQuestionAnsweringV2, batch: dict[str, torch.Tensor], row: int) -> None:
        self.weights = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
        with torch.no_grad():
            self.states: Array = model.albert(batch["input_ids"]).last_hidden_state[row].numpy()
        self.p_mask: Array = batch["p_mask"][row].numpy()

    def dense(self, name: str, x: Array) -> Array:
        bias = self.weights.get(f"{name}.bias", 0)
        return self.weights[f"{name}.weight"] @ x + bias

    def masked(self, logits: list[float]) -> Array:
        """log_softmax after masking."""
        kept = np.array(logits) * (1 - self.p_mask) - 1e30 * self.p_mask
        return kept - kept.max() - np.log(np.exp(kept - kept.max()).sum())

    def start(self) -> Array:
        return self.masked([self.dense("start_logits", state)[0] for state in self.states])

    def end(self, start: int) -> Array:
        return self.masked([self._end_logit(state, self.states[start]) for state in self.states])

    def _end_logit(self, state: Array, start: Array) -> float:
        hidden = np.tanh(self.dense("end_logits.dense", np.concatenate([state, start])))
        normed = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-12)
        scaled = normed * self.weights["end_logits.LayerNorm.weight"] + self.weights["end_logits.LayerNorm.bias"]
        return float(self.dense("end_logits.classifier", scaled)[0])

    def no_answer(self) -> float:
        expected = sum(math.exp(p) * state for p, state in zip(self.start(), self.states, strict=True))
        hidden = np.tanh(self.dense("answer_class.dense", np.concatenate([expected, self.states[0]])))
        return float(self.dense("answer_class.classifier", hidden)[0])

    def loss(self, start: int, end: int, impossible: int) -> tuple[float, float]:
        """Of both positions, and of the answer class."""
        x = self.no_answer()
        positions = -(self.start()[start] + self.end(start)[end]) / 2
        return positions, max(x, 0) - x * impossible + math.log1p(math.exp(-abs(x)))


shapes = st.tuples(st.integers(1, 3), st.integers(1, 9))
some = settings(max_examples=20, deadline=None)


@some
@given(shapes, st.integers(0, 99))
def test_the_loss_is_googles(shape: tuple[int, int], seed: int) -> None:
    torch.manual_seed(seed)
    model, batch = make(), make_batch(*shape)
    impossible = torch.randint(2, (shape[0],))
    start, end = (torch.randint(shape[1], (shape[0],)) * (1 - impossible) for _ in range(2))
    batch["p_mask"].scatter_(1, torch.stack([start, end], 1), 0)
    output = model(**batch, start_positions=start, end_positions=end, is_impossible=impossible)
    losses = [
        Google(model, batch, row).loss(*gold)
        for row, gold in enumerate(zip(start.tolist(), end.tolist(), impossible.tolist(), strict=True))
    ]
    positions, answerable = np.mean(losses, axis=0)
    assert output.loss.item() == pytest.approx(positions + 0.5 * answerable, abs=1e-10)
    assert output.losses.tolist() == pytest.approx([first + second / 2 for first, second in losses], abs=1e-10)
    without = model(**batch, start_positions=start, end_positions=end)
    assert without.loss.item() == pytest.approx(positions, abs=1e-10)


@some
@given(shapes, st.integers(0, 99))
def test_the_beam_is_googles(shape: tuple[int, int], seed: int) -> None:
    """Its best starts and, for each, the best ends; fewer than five where there are fewer tokens."""
    torch.manual_seed(seed)
    model, batch = make(), make_batch(*shape)
    output, width = model(**batch), min(5, shape[1])
    assert output.start_top_log_probs.shape == output.start_top_index.shape == (shape[0], width)
    assert output.end_top_log_probs.shape == output.end_top_index.shape == (shape[0], width, width)
    for row in range(shape[0]):
        google = Google(model, batch, row)
        assert output.cls_logits[row].item() == pytest.approx(google.no_answer(), abs=1e-10)
        starts = output.start_top_index[row].tolist()
        check_best(output.start_top_log_probs[row], starts, google.start())
        for rank, start in enumerate(starts):
            ends = output.end_top_index[row, rank].tolist()
            check_best(output.end_top_log_probs[row, rank], ends, google.end(start))


def check_best(log_probs: torch.Tensor, index: list[int], expected: Array) -> None:
    """The highest, best first, each with its own index (of equal ones, any)."""
    best = np.sort(expected)[::-1][: len(index)]
    np.testing.assert_allclose(log_probs.detach().numpy(), best, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(expected[index], best, rtol=1e-10, atol=1e-10)
    assert len(set(index)) == len(index)


def test_the_width_of_the_beam_is_an_argument() -> None:
    output = make(start_n_top=2, end_n_top=3)(**make_batch(2, 7))
    assert output.start_top_index.shape == (2, 2)
    assert output.end_top_index.shape == (2, 2, 3)


def test_every_weight_trains_and_no_masked_token_can_be_the_answer() -> None:
    model, batch = make(), make_batch(3, 7)
    gold = torch.zeros(3, dtype=torch.long)
    loss = model(**batch, start_positions=gold, end_positions=gold, is_impossible=gold + 1).loss
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients_of(model, loss).values())
    batch["p_mask"] = torch.tensor([0, 1, 0, 1, 1, 1, 1]).expand(3, 7)
    beam = model(**batch)
    assert beam.start_top_index[:, :2].sort().values.tolist() == [[0, 2]] * 3
    assert beam.end_top_index[..., :2].sort().values.tolist() == [[[0, 2]] * 5] * 3


def test_a_position_that_was_cut_off_does_not_count() -> None:
    model, batch = make(), make_batch(2, 5)
    batch["p_mask"].zero_()
    both = model(**batch, start_positions=torch.tensor([2, 9]), end_positions=torch.tensor([3, 9])).loss
    one = {name: value[:1] for name, value in batch.items()}
    first = model(**one, start_positions=torch.tensor([2]), end_positions=torch.tensor([3])).loss
    torch.testing.assert_close(both, first, rtol=1e-10, atol=1e-10)
    assert model(**one, start_positions=torch.tensor([9]), end_positions=torch.tensor([9])).loss == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_mask_fits_half_precision(dtype: torch.dtype) -> None:
    model, batch = make().to(dtype), make_batch(2, 7)
    gold = torch.zeros(2, dtype=torch.long)
    loss = model(**batch, start_positions=gold, end_positions=gold, is_impossible=gold).loss
    assert loss.isfinite()
    assert model(**batch).end_top_log_probs.dtype is dtype


def test_tuples_and_fields() -> None:
    model, batch = make(), make_batch(2, 7)
    fields = ["start_top_log_probs", "start_top_index", "end_top_log_probs", "end_top_index", "cls_logits"]
    assert list(model(**batch)) == fields
    assert len(model(**batch, return_dict=False)) == 5
    gold = torch.zeros(2, dtype=torch.long)
    labelled = model(**batch, start_positions=gold, end_positions=gold, output_hidden_states=True)
    assert list(labelled) == ["loss", "cls_logits", "hidden_states", "losses"]
    assert list(model(**batch, start_positions=gold, end_positions=gold, return_beam=True)) == [
        "loss",
        *fields,
        "losses",
    ]


def test_its_checkpoint_keeps_every_byte_and_lends_its_base(tmp_path: Path) -> None:
    first = make()
    first.save_pretrained(tmp_path)
    back, info = AlbertForQuestionAnsweringV2.from_pretrained(tmp_path, start_n_top=3, output_loading_info=True)
    assert not any(info)
    assert (back.start_n_top, back.end_n_top) == (3, 5)
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), back.parameters(), strict=True))
    plain = AlbertForQuestionAnswering.from_pretrained(tmp_path)
    assert torch.equal(plain.albert.embeddings.projection.weight, first.albert.embeddings.projection.weight)
