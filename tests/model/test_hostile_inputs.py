"""Input that no model can take: a clear error that names it; and the little that is only unusual: a number."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import albert_lab
from albert_lab import AlbertConfig, AlbertForMaskedLM, AlbertForPreTraining, AlbertForTokenClassification, AlbertModel
from albert_lab.errors import UserError
from tests.model.peers import HEADS, TINY, every_head, make_inputs, make_pair

IDS = torch.arange(1, 11).view(2, 5)


@pytest.fixture
def model() -> AlbertModel:
    return AlbertModel(AlbertConfig(**TINY)).eval()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"input_ids": torch.ones(1, 10_000, dtype=torch.long)}, "10000 tokens is longer .*=12; cut it to 12 tokens"),
        ({"inputs_embeds": torch.ones(1, 10_000, 6)}, "10000 tokens is longer .*=12; cut it to 12 tokens"),
        ({"input_ids": IDS + 19}, "input_ids holds 29 and the model has 29 rows .* is the tokenizer another model's"),
        ({"input_ids": IDS - 2}, "input_ids holds -1 and the model has 29 rows for it: 0 to 28"),
        ({"token_type_ids": IDS}, "token_type_ids holds 2 and the model has 2 rows .*type_vocab_size"),
        ({"token_type_ids": -IDS}, "token_type_ids holds -1"),
        ({"position_ids": IDS + 5}, "position_ids holds 12 and the model has 12 rows .*max_position_embeddings"),
        ({"position_ids": IDS - 2}, "position_ids holds -1"),
        ({"input_ids": IDS[0]}, r"input_ids has the shape \[5\]; give \[B,S\]"),
        ({"input_ids": IDS[None]}, r"input_ids has the shape \[1, 2, 5\]; give \[B,S\]"),
        ({"inputs_embeds": torch.ones(5, 6)}, r"inputs_embeds has the shape \[5, 6\]; give \[B,S,E\]"),
    ],
)
def test_what_has_no_row_or_place_is_named(model: AlbertModel, given: dict[str, Tensor], says: str) -> None:
    inputs = given if "inputs_embeds" in given else {"input_ids": IDS} | given
    with pytest.raises(UserError, match=says):
        model(**inputs)


@pytest.mark.parametrize("shape", [(2, 4), (2, 6), (2, 1), (3, 5), (5,), (2, 5, 1), (0, 5)])
def test_a_mask_of_another_shape_is_refused(model: AlbertModel, shape: tuple[int, ...]) -> None:
    """Hugging Face's takes every one of these: where all is 1 it drops the mask unseen."""
    with pytest.raises(UserError, match=r"attention_mask has .*\[.*\]; give \[2,5\] or \[2,1,5,5\]"):
        model(IDS, torch.ones(shape, dtype=torch.long))


def test_a_long_input_is_taken_once_the_model_has_the_positions() -> None:
    config = AlbertConfig(**(TINY | {"max_position_embeddings": 10_000, "num_hidden_layers": 1}))
    with torch.no_grad():
        assert AlbertModel(config)(torch.ones(1, 10_000, dtype=torch.long)).last_hidden_state.isfinite().all()


def test_the_ids_of_a_tokenizer_with_more_pieces_reach_no_head() -> None:
    for head in HEADS:
        model = getattr(albert_lab, head)(AlbertConfig(**TINY))
        inputs = make_inputs(head, model.config)
        with pytest.raises(UserError, match="is the tokenizer another model's"):
            model(**inputs | {"input_ids": inputs["input_ids"] + 29_000})


@every_head
def test_an_empty_batch_gives_empty_outputs(head: str) -> None:
    """Hugging Face's fails on a reshape."""
    model = getattr(albert_lab, head)(AlbertConfig(**TINY)).eval()
    inputs = make_inputs(head, model.config, 2, given=["attention_mask", "token_type_ids"])
    full, empty = model(**inputs), model(**{name: value[:0] for name, value in inputs.items()})
    for name, value in full.items():
        assert empty[name].shape == (value.shape if name == "loss" else (0, *value.shape[1:])), name


@pytest.mark.parametrize("head", ["AlbertForMaskedLM", "AlbertForTokenClassification"])
def test_without_a_label_that_counts_the_loss_is_0(head: str) -> None:
    """Hugging Face's is not a number, and so is the model after one step."""
    pair = make_pair(head)
    none = torch.full_like(IDS, -100)
    loss = pair.ours(IDS, labels=none).loss
    loss.backward()
    assert loss == 0
    assert not any(parameter.grad.any() for parameter in pair.ours.parameters() if parameter.grad is not None)
    assert pair.theirs(IDS, labels=none).loss.isnan()


def test_without_a_masked_word_the_sentences_still_train() -> None:
    pair = make_pair("AlbertForPreTraining")
    labels = {"labels": torch.full_like(IDS, -100), "sentence_order_label": torch.tensor([0, 1])}
    output = pair.ours(IDS, **labels)
    expected = torch.nn.functional.cross_entropy(output.sop_logits, labels["sentence_order_label"])
    torch.testing.assert_close(output.loss, expected)
    assert pair.theirs(IDS, **labels).loss.isnan()


def test_an_answer_beyond_the_text_counts_nothing() -> None:
    pair = make_pair("AlbertForQuestionAnswering")
    beyond = torch.tensor([7, 9])
    assert pair.ours(IDS, start_positions=beyond, end_positions=beyond).loss == 0
    assert pair.theirs(IDS, start_positions=beyond, end_positions=beyond).loss.isnan()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_sequence_of_padding_alone_stays_finite_and_moves_no_other(attention: str) -> None:
    pair = make_pair("AlbertModel", attention)
    mask = torch.tensor([[1, 1, 1, 1, 0], [0, 0, 0, 0, 0]])
    ours = pair.ours(IDS, mask).last_hidden_state
    assert ours.isfinite().all()
    torch.testing.assert_close(ours[:1], pair.ours(IDS[:1], mask[:1]).last_hidden_state, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours, pair.theirs(IDS, mask).last_hidden_state, rtol=1e-10, atol=1e-10)


def test_a_typo_in_an_argument_is_refused(model: AlbertModel) -> None:
    """Hugging Face's swallows it."""
    arguments: dict[str, Any] = {"token_types_ids": IDS}
    with pytest.raises(TypeError, match="token_types_ids"):
        model(IDS, **arguments)


@pytest.mark.parametrize("class_", [AlbertModel, AlbertForMaskedLM, AlbertForPreTraining, AlbertForTokenClassification])
def test_a_truncated_checkpoint_makes_no_model(class_: Any, tmp_path: Path) -> None:
    class_(AlbertConfig(**TINY)).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UserError, match=r"model\.safetensors"):
        class_.from_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_model_needs_its_configuration_class() -> None:
    with pytest.raises(TypeError, match="AlbertModel needs an AlbertConfig, not dict"):
        AlbertModel(TINY)  # type: ignore[arg-type]
