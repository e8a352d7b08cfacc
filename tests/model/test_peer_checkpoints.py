"""A model goes to Hugging Face's class and back, and from any head to any other, with the same bytes and warnings."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

import albert_lab
from albert_lab.errors import UserError
from tests.model.peers import AS_HUGGING_FACE, HEADS, TINY, every_head, make_inputs, make_pair, transformers

SHARED = {"num_hidden_layers": 4, "num_hidden_groups": 2, "inner_group_num": 2}
CASES = {
    "groups of two": SHARED,
    "one layer of two": {"num_hidden_layers": 1, "inner_group_num": 2},
    "unshared": {"num_hidden_layers": 3, "num_hidden_groups": 3},
    "E = H": {"embedding_size": 8},
}


def assert_same_bytes(one: dict[str, Tensor], two: dict[str, Tensor]) -> None:
    assert set(one) == set(two)
    for name, tensor in one.items():
        assert tensor.dtype == two[name].dtype, name
        assert torch.equal(tensor.view(torch.uint8), two[name].view(torch.uint8)), name


def ours_of(head: str, **changes: Any) -> Any:
    """A model of the lab with random weights everywhere, biases too."""
    model = getattr(albert_lab, head)(albert_lab.AlbertConfig(**(TINY | changes), **AS_HUGGING_FACE))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model.eval()


@every_head
@pytest.mark.parametrize("case", CASES)
def test_a_round_trip_keeps_every_byte(head: str, case: str, tmp_path: Path) -> None:
    first = ours_of(head, **CASES[case])
    first.save_pretrained(tmp_path / "lab")
    theirs, info = getattr(transformers, head).from_pretrained(tmp_path / "lab", output_loading_info=True)
    assert not any(info.values()), info
    theirs.save_pretrained(tmp_path / "hf")
    assert_same_bytes(load_file(tmp_path / "lab/model.safetensors"), load_file(tmp_path / "hf/model.safetensors"))
    back, info = type(first).from_pretrained(tmp_path / "hf", output_loading_info=True)
    assert not any(info)
    assert_same_bytes(dict(first.named_parameters()), dict(back.named_parameters()))
    assert (back.config.layer_map, back.config.num_labels) == (first.config.layer_map, first.config.num_labels)
    inputs = make_inputs(head, first.config)
    torch.testing.assert_close(back(**inputs)[0], theirs(**inputs)[0])
    assert torch.equal(back(**inputs)[0], first(**inputs)[0])


@every_head
def test_their_model_survives_ours(head: str, tmp_path: Path) -> None:
    theirs = make_pair(head, **SHARED).theirs
    theirs.save_pretrained(tmp_path / "hf")
    getattr(albert_lab, head).from_pretrained(tmp_path / "hf").save_pretrained(tmp_path / "lab")
    back = getattr(transformers, head).from_pretrained(tmp_path / "lab")
    assert back.dtype == torch.float64
    assert_same_bytes(theirs.state_dict(), back.state_dict())


@pytest.mark.parametrize("stored", HEADS)
@pytest.mark.parametrize("loaded", HEADS)
def test_a_checkpoint_of_another_head_lacks_and_leaves_what_it_does_there(
    stored: str, loaded: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours_of(stored).save_pretrained(tmp_path)
    options = {"ignore_mismatched_sizes": True, "output_loading_info": True}
    with caplog.at_level(logging.WARNING, logger="albert_lab"):
        model, info = getattr(albert_lab, loaded).from_pretrained(tmp_path, **options)
    logged = "".join(record.getMessage() for record in caplog.records if record.name.startswith("albert_lab"))
    _, theirs = getattr(transformers, loaded).from_pretrained(tmp_path, **options)
    assert set(info.missing_keys) == theirs["missing_keys"] - {"predictions.decoder.bias"}  # the same as .bias
    assert set(info.mismatched_keys) == {name for name, *_ in theirs["mismatched_keys"]}
    assert without_prefix(info.unexpected_keys) == without_prefix(theirs["unexpected_keys"])
    assert all(name in logged for names in info for name in names)
    assert bool(logged) is any(info)
    assert all(parameter.device.type == "cpu" and parameter.isfinite().all() for parameter in model.parameters())


def without_prefix(names: Iterable[str]) -> set[str]:
    return {name.removeprefix("albert.") for name in names}


def test_a_head_goes_on_a_base_and_the_base_comes_off_again(tmp_path: Path) -> None:
    base = ours_of("AlbertModel")
    base.save_pretrained(tmp_path / "base")
    headed = albert_lab.AlbertForSequenceClassification.from_pretrained(tmp_path / "base", num_labels=3)
    assert headed.classifier.weight.shape == (3, 8)
    assert headed.classifier.weight.std() < 0.05  # drawn, not what memory held
    assert not headed.classifier.bias.any()
    headed.save_pretrained(tmp_path / "headed")
    again = albert_lab.AlbertModel.from_pretrained(tmp_path / "headed")
    assert_same_bytes(dict(base.named_parameters()), dict(again.named_parameters()))


def test_a_head_of_another_size_is_refused_or_newly_drawn(tmp_path: Path) -> None:
    first = ours_of("AlbertForSequenceClassification", num_labels=3)
    first.save_pretrained(tmp_path)
    class_ = albert_lab.AlbertForSequenceClassification
    with pytest.raises(UserError, match=r"classifier.weight is \[3, 8\] and the model's is \[5, 8\]; .*ignore_mis"):
        class_.from_pretrained(tmp_path, num_labels=5)
    model, info = class_.from_pretrained(tmp_path, num_labels=5, ignore_mismatched_sizes=True, output_loading_info=True)
    theirs, their_info = transformers.AlbertForSequenceClassification.from_pretrained(
        tmp_path, num_labels=5, ignore_mismatched_sizes=True, output_loading_info=True
    )
    assert set(info.mismatched_keys) == {name for name, *_ in their_info["mismatched_keys"]}
    assert model.classifier.weight.shape == theirs.classifier.weight.shape == (5, 8)
    assert torch.equal(model.albert.pooler.weight, first.albert.pooler.weight)


@pytest.mark.parametrize("dtype", ["bfloat16", torch.float16, None, "auto"])
def test_weights_have_the_type_asked_for_or_stored(dtype: Any, tmp_path: Path) -> None:
    ours_of("AlbertForMaskedLM").double().save_pretrained(tmp_path)
    ours = albert_lab.AlbertForMaskedLM.from_pretrained(tmp_path, dtype=dtype)
    theirs = transformers.AlbertForMaskedLM.from_pretrained(tmp_path, dtype=dtype or "auto")
    assert {parameter.dtype for parameter in ours.parameters()} == {theirs.dtype}
    assert torch.equal(ours.predictions.bias, theirs.predictions.bias)


def test_what_is_not_a_type_of_weights_is_refused(tmp_path: Path) -> None:
    ours_of("AlbertModel").save_pretrained(tmp_path)
    with pytest.raises(UserError, match="dtype='bfloat' is not a type of weights; did you mean 'bfloat16'"):
        albert_lab.AlbertModel.from_pretrained(tmp_path, dtype="bfloat")
    with pytest.raises(UserError, match="dtype='load' is not a type"):
        albert_lab.AlbertModel.from_pretrained(tmp_path, dtype="load")


@pytest.mark.parametrize("head", ["AlbertForMaskedLM", "AlbertForPreTraining"])
def test_a_tied_table_is_stored_once(head: str, tmp_path: Path) -> None:
    ours_of(head).save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no iterator)
    assert [name for name, shape in shapes.items() if shape == (29, 6)] == ["albert.embeddings.word_embeddings.weight"]
    assert [name for name, shape in shapes.items() if shape == (29,)] == ["predictions.bias"]


@pytest.mark.parametrize("head", ["AlbertForMaskedLM", "AlbertForPreTraining"])
def test_an_untied_table_and_its_bias_survive_a_round_trip(head: str, tmp_path: Path) -> None:
    first = ours_of(head, tie_word_embeddings=False).double()
    first.save_pretrained(tmp_path / "lab")
    theirs, info = getattr(transformers, head).from_pretrained(tmp_path / "lab", output_loading_info=True)
    assert not any(info.values()), info
    inputs = make_inputs(head, first.config)
    torch.testing.assert_close(first(**inputs)[1], theirs(**inputs)[1], rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        theirs.predictions.decoder.bias.normal_()  # the one that Hugging Face reads, once they differ
    theirs.save_pretrained(tmp_path / "hf")
    back = type(first).from_pretrained(tmp_path / "hf")
    torch.testing.assert_close(back(**inputs)[1], theirs(**inputs)[1], rtol=1e-10, atol=1e-10)
    assert torch.equal(back.predictions.decoder.weight, first.predictions.decoder.weight)


def test_buffers_and_copies_of_old_checkpoints_are_left_out_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = ours_of("AlbertForPreTraining")
    first.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    state["albert.embeddings.position_ids"] = torch.arange(12)[None]
    state["predictions.decoder.weight"] = state["albert.embeddings.word_embeddings.weight"].clone()
    state["predictions.decoder.bias"] = state["predictions.bias"].clone()
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    back, info = albert_lab.AlbertForPreTraining.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info)
    assert not caplog.records
    assert_same_bytes(dict(first.named_parameters()), dict(back.named_parameters()))


@every_head
def test_hugging_faces_auto_classes_find_the_model(head: str, tmp_path: Path) -> None:
    ours_of(head).save_pretrained(tmp_path)
    auto = "AutoModel" + {"AlbertModel": "", "AlbertForMaskedLM": "ForMaskedLM"}.get(head, head.removeprefix("Albert"))
    assert type(getattr(transformers, auto).from_pretrained(tmp_path)).__name__ == head


def test_a_configuration_given_is_used_in_place_of_the_stored_one(tmp_path: Path) -> None:
    ours_of("AlbertForTokenClassification").save_pretrained(tmp_path)
    config = albert_lab.AlbertConfig.from_pretrained(tmp_path, output_hidden_states=True)
    model = albert_lab.AlbertForTokenClassification.from_pretrained(tmp_path, config=config)
    assert model.config is config
    assert not model.training
    assert len(model(torch.tensor([[1, 2]])).hidden_states) == 3
