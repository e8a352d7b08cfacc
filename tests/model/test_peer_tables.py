"""The word tables of a model are read, replaced, resized and counted as Hugging Face's are."""

from typing import Any

import pytest
import torch
from torch import nn

from albert_lab.errors import UserError
from tests.model.peers import Pair, every_head, make_inputs, make_pair

with_logits = pytest.mark.parametrize("head", ["AlbertForMaskedLM", "AlbertForPreTraining"])
WITH_LOGITS = {"AlbertForMaskedLM", "AlbertForPreTraining"}


def logits_of(pair: Pair, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return pair.ours(ids)[0], pair.theirs(ids)[0]


@every_head
@pytest.mark.parametrize("options", [{}, {"only_trainable": True}, {"exclude_embeddings": True}])
def test_parameters_are_counted_alike(head: str, options: dict[str, bool]) -> None:
    pair = make_pair(head, num_hidden_layers=4, num_hidden_groups=2)
    for model in (pair.ours, pair.theirs):
        model.base_model.embeddings.LayerNorm.weight.requires_grad_(False)
    assert pair.ours.num_parameters(**options) == pair.theirs.num_parameters(**options) > 0


@every_head
@pytest.mark.parametrize("tokens", [40, 29, 20])
def test_resized_tables_have_hugging_faces_shapes_and_kept_rows(head: str, tokens: int) -> None:
    pair = make_pair(head)
    choices = (2, 3, 5) if head == "AlbertForMultipleChoice" else (2, 5)
    ids = torch.randint(20, choices)
    before = pair.ours(ids)[0]
    tables = [model.resize_token_embeddings(tokens) for model in (pair.ours, pair.theirs)]
    assert tables[0].weight.shape == tables[1].weight.shape == (tokens, 6)
    assert tables[0] is pair.ours.get_input_embeddings()
    assert pair.ours.config.vocab_size == pair.theirs.config.vocab_size == tokens
    assert {name: parameter.shape for name, parameter in pair.theirs.named_parameters()} == {
        pair.names[name]: parameter.shape for name, parameter in pair.ours.named_parameters()
    }
    ours, theirs = logits_of(pair, ids)
    rows = slice(0, min(tokens, 29)) if head in WITH_LOGITS else slice(None)
    torch.testing.assert_close(ours[..., rows], theirs[..., rows], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ours[..., rows], before[..., rows], rtol=1e-10, atol=1e-10)


@with_logits
@pytest.mark.parametrize("tied", [True, False])
def test_a_resized_model_still_trains_every_row(head: str, tied: bool) -> None:
    model = make_pair(head).ours if tied else make_pair(head, tie_word_embeddings=False).ours
    model.resize_token_embeddings(33)
    inputs = make_inputs(head, model.config) | {"labels": torch.full((3, 7), 32)}
    model(**inputs).loss.backward()
    table = model.get_output_embeddings().weight
    assert table.shape == (33, 6)
    assert table.grad.any(1).all()
    assert model.predictions.bias.grad.all()


@pytest.mark.parametrize(("tokens", "multiple", "rows"), [(None, 8, 32), (30, 8, 32), (32, 16, 32), (33, None, 33)])
def test_rows_are_padded_to_the_same_multiple(tokens: int | None, multiple: int | None, rows: int) -> None:
    pair = make_pair("AlbertForMaskedLM")
    for model in (pair.ours, pair.theirs):
        assert model.resize_token_embeddings(tokens, pad_to_multiple_of=multiple).num_embeddings == rows


def test_no_rows_are_refused() -> None:
    model = make_pair("AlbertForMaskedLM").ours
    with pytest.raises(UserError, match="new_num_tokens=0 leaves no piece; nearest 1"):
        model.resize_token_embeddings(0)
    with pytest.raises(UserError, match=r"pad_to_multiple_of=1\.3 must be a whole number"):
        model.resize_token_embeddings(8, pad_to_multiple_of=1.3)
    assert model.resize_token_embeddings() is model.get_input_embeddings()


@every_head
def test_a_table_given_is_the_one_read(head: str) -> None:
    pair = make_pair(head)
    table = nn.Embedding(29, 6, dtype=torch.float64)
    inputs = make_inputs(head, pair.ours.config)
    before = pair.ours(**inputs)[0]
    for model in (pair.ours, pair.theirs):
        model.set_input_embeddings(table)
        assert model.get_input_embeddings() is table
    assert not torch.equal(pair.ours(**inputs)[0], before)
    if head in WITH_LOGITS:  # Hugging Face's logits keep the old table until tie_weights is called
        assert pair.ours.get_output_embeddings().weight is table.weight
        pair.theirs.tie_weights()
    torch.testing.assert_close(pair.ours(**inputs)[0], pair.theirs(**inputs)[0], rtol=1e-10, atol=1e-10)


@every_head
def test_only_models_of_words_have_an_output_table(head: str) -> None:
    pair = make_pair(head)
    ours, theirs = (model.get_output_embeddings() for model in (pair.ours, pair.theirs))
    assert (ours is None) is (theirs is None) is (head not in WITH_LOGITS)
    if ours is not None:
        assert torch.equal(ours.weight, theirs.weight)


@with_logits
def test_an_output_table_given_makes_the_logits(head: str) -> None:
    table: Any = nn.Linear(6, 29, dtype=torch.float64)
    pair = make_pair(head, tie_word_embeddings=False)
    for model in (pair.ours, pair.theirs):
        model.set_output_embeddings(table)
        assert model.get_output_embeddings().weight is table.weight
    inputs = make_inputs(head, pair.ours.config)
    ours, theirs = (model(**inputs)[1] for model in (pair.ours, pair.theirs))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
