"""In training a model is Hugging Face's where its configuration says so, and Google's where not, each by a switch."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.model.peers import every_head, gradients_of, make_inputs, make_pair

DROPOUTS = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.2, "classifier_dropout_prob": 0.4}


def trained(model: Any, inputs: dict[str, Any]) -> Any:
    torch.manual_seed(1)
    return model.train()(**inputs)


@every_head
def test_the_same_seed_drops_the_same_numbers(head: str) -> None:
    pair = make_pair(head, "eager", **DROPOUTS)
    inputs = make_inputs(head, pair.ours.config, given=["attention_mask"])
    ours, theirs = trained(pair.ours, inputs), trained(pair.theirs, inputs)
    assert not torch.equal(ours[0], pair.ours.eval()(**inputs)[0])
    for one, two in zip(ours.to_tuple(), theirs.to_tuple(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("switch", "google"), [("ffn_dropout", True), ("sop_dropout", False)])
def test_googles_dropouts_are_another_model(switch: str, google: bool) -> None:
    pair = make_pair("AlbertForPreTraining", "eager", **DROPOUTS)
    inputs = make_inputs("AlbertForPreTraining", pair.ours.config)
    changed = type(pair.ours)(replace(pair.ours.config, **{switch: google})).double()
    changed.load_state_dict(pair.ours.state_dict())
    theirs, ours = trained(pair.theirs, inputs), trained(changed, inputs)
    assert not torch.allclose(ours.sop_logits, theirs.sop_logits)
    assert torch.allclose(ours.prediction_logits, theirs.prediction_logits) is (switch == "sop_dropout")


@pytest.mark.parametrize("pad_token_id", [0, 5, None])
def test_a_frozen_padding_row_gets_no_gradient_from_the_input(pad_token_id: int | None) -> None:
    pair = make_pair("AlbertForTokenClassification", pad_token_id=pad_token_id)
    inputs = {"input_ids": torch.arange(10).view(2, 5), "labels": torch.ones(2, 5, dtype=torch.long)}
    name = "albert.embeddings.word_embeddings.weight"
    ours, theirs = (gradients_of(model, model(**inputs).loss)[name] for model in (pair.ours, pair.theirs))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    assert [row for row in range(10) if not ours[row].any()] == ([] if pad_token_id is None else [pad_token_id])


def test_googles_padding_row_is_the_only_one_that_trains_otherwise() -> None:
    pair = make_pair("AlbertForMaskedLM")
    inputs = make_inputs("AlbertForMaskedLM", pair.ours.config, given=["attention_mask"])
    google = type(pair.ours)(replace(pair.ours.config, freeze_pad_embedding=False)).double().eval()
    google.load_state_dict(pair.ours.state_dict())
    name = "albert.embeddings.word_embeddings.weight"
    own, other = gradients_of(google, google(**inputs).loss), gradients_of(pair.theirs, pair.theirs(**inputs).loss)
    for ours, theirs in pair.names.items():
        rows = slice(1, None) if ours == name else slice(None)
        torch.testing.assert_close(own[ours][rows], other[theirs][rows], rtol=1e-10, atol=1e-10)
    assert not torch.allclose(own[name][0], other[name][0])
