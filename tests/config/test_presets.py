"""The presets `google` and `huggingface` set every known deviation, each its own way."""

from dataclasses import fields

import pytest
from omegaconf import OmegaConf

from albert_lab import AlbertConfig
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.training import ObjectiveConfig, OptimizerConfig
from albert_lab.config.variant import ModelConfig
from albert_lab.errors import UserError

GROUPS = {"model": ModelConfig, "objective": ObjectiveConfig, "optimizer": OptimizerConfig}


def settings(name: str) -> dict[str, object]:
    preset = OmegaConf.to_container(OmegaConf.load(CONF_FOLDER / "preset" / f"{name}.yaml"))
    return {f"{group}.{key}": value for group, values in preset.items() for key, value in values.items()}


def test_the_two_presets_set_the_same_fields_and_each_differently() -> None:
    google, hugging_face = settings("google"), settings("huggingface")
    assert set(google) == set(hugging_face)
    assert [key for key in google if google[key] == hugging_face[key]] == []


def test_every_field_whose_comment_names_both_codes_is_in_the_presets() -> None:
    """A new deviation is documented in the schema with both names; then it must be in the presets too."""
    schema = CONF_FOLDER.parent / "albert_lab" / "config"
    named = {
        line.strip().split(":")[0]
        for module in ("variant.py", "training.py")
        for line in (schema / module).read_text(encoding="utf-8").splitlines()
        if "=" in line and ":" in line.split("=")[0] and "Google" in line and "Hugging Face" in line
    }
    assert {"ffn_dropout", "sop_dropout", "freeze_pad_embedding"} <= named
    assert named <= {key.split(".")[1] for key in settings("google")}


@pytest.mark.parametrize("group", GROUPS)
def test_presets_name_fields_that_exist(group: str) -> None:
    named = {key.split(".")[1] for key in settings("google") if key.startswith(f"{group}.")}
    assert named <= {item.name for item in fields(GROUPS[group])}


def test_the_library_takes_the_same_presets() -> None:
    google, hugging_face = AlbertConfig.preset("google", hidden_size=64), AlbertConfig.preset("huggingface")
    assert (google.ffn_dropout, google.initializer, google.hidden_size) == (True, "truncated_normal", 64)
    assert (hugging_face.ffn_dropout, hugging_face.sop_dropout, hugging_face.freeze_pad_embedding) == (
        False,
        True,
        True,
    )
    with pytest.raises(UserError, match="no preset 'hugging'; did you mean 'huggingface'"):
        AlbertConfig.preset("hugging")
