"""`AlbertConfig` has Hugging Face's fields and defaults, survives a round trip, and refuses impossible values."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from albert_lab import AlbertConfig, AlbertModel
from albert_lab.errors import UserError
from tests.model.peers import TINY, sizes, transformers

# What Hugging Face's base class has for all models, and no ALBERT's result depends on.
OF_OTHER_MODELS = {"architectures", "chunk_size_feed_forward", "dtype", "is_encoder_decoder", "transformers_version"}


def public_fields(config: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(config).items() if not name.startswith("_")}


def test_defaults_are_hugging_faces() -> None:
    ours, theirs = AlbertConfig(), transformers.AlbertConfig()
    names = set(public_fields(theirs)) - OF_OTHER_MODELS | {"num_labels", "output_attentions"}
    assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}


@settings(max_examples=25, deadline=None)
@given(sizes())
def test_a_configuration_survives_hugging_faces(given: dict[str, Any]) -> None:
    ours = AlbertConfig(**given, ffn_dropout=False, problem_type="regression")
    theirs = transformers.AlbertConfig.from_dict(ours.to_dict())
    assert {name: getattr(theirs, name) for name in given} == given
    assert AlbertConfig.from_dict(theirs.to_dict()) == ours


def test_a_configuration_file_survives_hugging_faces(tmp_path: Path) -> None:
    ours = AlbertConfig(**TINY, id2label={0: "bad", 1: "fair", 2: "good"}, problem_type="single_label_classification")
    ours.save_pretrained(tmp_path / "ours")
    theirs = transformers.AlbertConfig.from_pretrained(tmp_path / "ours")
    assert theirs.id2label == ours.id2label
    assert theirs.label2id == ours.label2id == {"bad": 0, "fair": 1, "good": 2}
    theirs.save_pretrained(tmp_path / "theirs")
    assert AlbertConfig.from_pretrained(tmp_path / "theirs") == ours
    assert json.loads(ours.to_json_string()) == json.loads((tmp_path / "ours" / "config.json").read_text())


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"num_labels": 1},
        {"num_labels": 4},
        {"id2label": {0: "no", 1: "yes"}},
        {"id2label": {"0": "no", "1": "yes", "2": "maybe"}},
        {"num_labels": 4, "id2label": {0: "no", 1: "yes"}},
    ],
)
def test_labels_are_named_as_hugging_face_names_them(labels: dict[str, Any]) -> None:
    ours, theirs = AlbertConfig(**TINY, **labels), transformers.AlbertConfig(**TINY, **labels)
    assert (ours.num_labels, ours.id2label) == (theirs.num_labels, theirs.id2label)
    assert ours.label2id == {label: id for id, label in ours.id2label.items()}


def test_another_number_of_labels_replaces_stored_names(tmp_path: Path) -> None:
    AlbertConfig(**TINY, id2label={0: "bad", 1: "fair", 2: "good"}).save_pretrained(tmp_path)
    for class_ in (AlbertConfig, transformers.AlbertConfig):
        changed = class_.from_pretrained(tmp_path, num_labels=2)
        assert (changed.num_labels, changed.id2label) == (2, {0: "LABEL_0", 1: "LABEL_1"})
        changed.num_labels = 3
        assert class_.from_dict(changed.to_dict()).id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    renamed = AlbertConfig.from_pretrained(tmp_path, id2label={0: "no", 1: "yes"})
    assert (renamed.num_labels, renamed.label2id) == (2, {"no": 0, "yes": 1})


def test_keys_of_a_file_that_no_albert_reads_are_kept_and_change_nothing() -> None:
    more = {"down_scale_factor": 1, "task_specific_params": {"a": [1]}}
    stored = transformers.AlbertConfig(**TINY).to_dict() | more | {"to_dict": 1, "_private": 2}
    config = AlbertConfig.from_dict(stored)
    assert config == AlbertConfig(**TINY)
    assert config.down_scale_factor == 1
    assert config.to_dict().items() >= more.items()
    assert AlbertConfig.from_dict(config.to_dict()).task_specific_params == {"a": [1]}
    assert copy.deepcopy(config).down_scale_factor == config.with_changes(hidden_size=16).down_scale_factor == 1


def test_an_attribute_set_later_is_stored(tmp_path: Path) -> None:
    for class_ in (AlbertConfig, transformers.AlbertConfig):
        config = class_(**TINY)
        config.my_attribute = "mine"
        config.save_pretrained(tmp_path)
        for reader in (AlbertConfig, transformers.AlbertConfig):
            assert reader.from_pretrained(tmp_path).my_attribute == "mine"


@pytest.mark.parametrize("class_", [AlbertConfig, transformers.AlbertConfig])
def test_labels_set_later_are_named_and_numbered(class_: Any) -> None:
    config = class_(**TINY)
    config.num_labels = 3
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    assert config.label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    config.id2label = {0: "no", 1: "yes"}
    assert config.num_labels == 2
    config.num_labels = 2
    assert config.to_dict()["id2label"] == {0: "no", 1: "yes"}


def test_hugging_faces_object_makes_the_same_configuration() -> None:
    ours = AlbertConfig(**TINY, num_labels=3)
    assert AlbertConfig.from_dict(transformers.AlbertConfig.from_dict(ours.to_dict())) == ours
    assert ours.model_type == transformers.AlbertConfig.model_type


@pytest.mark.parametrize("changes", [{}, {"num_labels": 3}, {"num_hidden_groups": 2, "hidden_dropout_prob": 0.5}])
def test_the_difference_to_the_defaults_makes_the_same_configuration(changes: dict[str, Any], tmp_path: Path) -> None:
    config = AlbertConfig(**TINY, **changes)
    difference = config.to_diff_dict()
    assert set(difference) <= {"model_type", "id2label", "label2id", *TINY, *changes}
    assert AlbertConfig.from_dict(difference) == config
    for use_diff in (True, False):
        config.to_json_file(tmp_path / "file.json", use_diff=use_diff)
        assert json.loads((tmp_path / "file.json").read_text()) == json.loads(config.to_json_string(use_diff=use_diff))
        assert AlbertConfig.from_json_file(tmp_path / "file.json") == config
        assert transformers.AlbertConfig.from_json_file(tmp_path / "file.json").hidden_size == 8


def test_an_update_is_checked_and_whole() -> None:
    config = AlbertConfig(**TINY)
    config.update({"num_labels": 3, "num_hidden_layers": 5, "my_attribute": 1})
    assert config == AlbertConfig(**(TINY | {"num_hidden_layers": 5}), num_labels=3)
    assert config.my_attribute == 1
    config.update({"id2label": {0: "no", 1: "yes"}})
    assert (config.num_labels, config.label2id) == (2, {"no": 0, "yes": 1})
    with pytest.raises(UserError, match=r"hidden_dropout_prob=1\.5"):
        config.update({"num_labels": 7, "hidden_dropout_prob": 1.5})
    assert config.num_labels == 2


def test_a_configuration_in_a_subfolder_is_read(tmp_path: Path) -> None:
    AlbertConfig(**TINY).save_pretrained(save_directory=tmp_path / "inner")
    found = AlbertConfig.from_pretrained(pretrained_model_name_or_path=tmp_path, subfolder="inner")
    assert found == AlbertConfig(**TINY)
    with pytest.raises(UserError, match="push_to_hub=True"):
        found.save_pretrained(tmp_path, push_to_hub=True)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hidden_size": "rm -rf"}, "hidden_size='rm -rf' must be int, not str"),
        ({"hidden_size": 8.0}, "hidden_size=8.0 must be int, not float"),
        ({"num_hidden_layers": True}, "num_hidden_layers=True must be int, not bool"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings=1 must be bool, not int"),
        ({"layer_norm_eps": None}, "layer_norm_eps=None must be float, not NoneType"),
        ({"hidden_size": -1}, "hidden_size=-1 must be at least 1"),
        ({"num_hidden_layers": 0}, "num_hidden_layers=0 must be at least 1"),
        ({"hidden_size": 770, "num_attention_heads": 12}, "hidden_size=770 is not divisible by .*=12; nearest: 768"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob=1.5 must be between 0 and 1; nearest: 1"),
        ({"num_hidden_layers": 4, "num_hidden_groups": 5}, "num_hidden_groups=5 .* never uses group .*; nearest 4"),
        ({"inner_group_num": 0}, "inner_group_num=0 is too small; nearest 1"),
        ({"hidden_act": "gelu_nwe"}, "hidden_act='gelu_nwe' is unknown; .*gelu_new"),
        ({"problem_type": "regresion"}, "problem_type='regresion' is unknown; .*regression"),
        ({"problem_type": "single_label_classification", "num_labels": 1}, "needs num_labels=2"),
        ({"num_labels": 0}, "num_labels=0 must be at least 1"),
        ({"pad_token_id": 30_000}, "pad_token_id=30000 is beyond vocab_size=30000: 0 to 29999"),
        ({"hiden_size": 8}, "AlbertConfig has no 'hiden_size'; .*hidden_size"),
    ],
)
def test_what_it_cannot_mean_is_refused(values: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        AlbertConfig(**values)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "albert"} | values))
    if "hiden_size" not in values:
        with pytest.raises(UserError, match=says):
            AlbertModel.from_pretrained(tmp_path)


def test_a_typo_in_a_change_is_refused(tmp_path: Path) -> None:
    AlbertConfig(**TINY).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"AlbertConfig has no 'num_label'; .*num_labels"):
        AlbertConfig.from_pretrained(tmp_path, num_label=3)


def test_copies_are_equal() -> None:
    config = AlbertConfig(**TINY, num_labels=3)
    assert copy.deepcopy(config) == config == pickle.loads(pickle.dumps(config))


def test_what_transformers_asks_of_a_configuration_is_answered_as_by_its_own() -> None:
    ours, theirs = AlbertConfig(model_type="albert", attn_implementation="eager"), transformers.AlbertConfig()
    theirs._attn_implementation = "eager"
    assert ours.model_type == theirs.model_type
    assert ours.get_text_config() is ours
    assert ours.sub_configs == theirs.sub_configs
    assert ours._attn_implementation == theirs._attn_implementation
    assert {"hidden_size", "layer_norm_eps"} <= set(ours) & set(theirs)
    ours._attn_implementation = "sdpa"
    assert ours.attn_implementation == "sdpa"
    with pytest.raises(UserError, match="model_type='bert' is not an ALBERT"):
        AlbertConfig(model_type="bert")
