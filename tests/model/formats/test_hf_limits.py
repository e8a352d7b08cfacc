"""What Hugging Face's format can't express is refused by name and written in ours; what it can, transformers reads."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.formats.checkpoint_files import read_config
from albert_lab.model.formats.hf_format import LIMITS, hf_config
from albert_lab.model.torch.albert import AlbertForMaskedLM
from tests.variants import TINY

BEYOND: dict[str, dict[str, Any]] = {
    "norm_placement=pre": {"norm_placement": "pre"},
    "norm_placement=deepnorm": {"norm_placement": "deepnorm"},
    "depth_signal=universal": {"depth_signal": "universal"},
    "position_embedding_type=relative_key": {"position_embedding_type": "relative_key"},
    "position_embedding_type=relative_key_query": {"position_embedding_type": "relative_key_query"},
    "position_embedding_type=none": {"position_embedding_type": "none"},
    "output_embedding_size=24": {"output_embedding_size": 24},
    "adapter_size=3": {"adapter_size": 3},
}


def config(**changes: Any) -> AlbertConfig:
    return AlbertConfig(**(TINY | changes))


@pytest.mark.parametrize(("setting", "changes"), BEYOND.items(), ids=BEYOND)
def test_an_option_beyond_the_format_is_named_and_written_in_ours(
    setting: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"model.{setting} can't be written for Hugging Face: .*the lab's own format"):
        hf_config(config(**changes))
    AlbertForMaskedLM(config(**changes)).save_pretrained(tmp_path)
    assert read_config(tmp_path)["model_type"] == "albert_lab"
    with pytest.raises(ValueError, match="albert_lab"):
        transformers.AutoModel.from_pretrained(tmp_path)


def test_every_limit_is_tried() -> None:
    assert {field for changes in BEYOND.values() for field in changes} == {limit.field for limit in LIMITS}


def test_the_defaults_are_within_the_limits() -> None:
    assert hf_config(config()) == config()


@pytest.mark.parametrize("changes", [{"tie_word_embeddings": False}, {"output_embedding_size": 8}])
def test_an_own_table_as_wide_as_the_words_is_read_by_transformers(
    changes: dict[str, Any], tmp_path: Path, batch: Any, perturb: Any
) -> None:
    model = AlbertForMaskedLM(config(**changes)).double().eval()
    perturb(model)
    model.save_pretrained(tmp_path)
    theirs = transformers.AlbertForMaskedLM.from_pretrained(tmp_path, dtype=torch.float64)
    expected = theirs(batch.input_ids, batch.attention_mask).logits
    torch.testing.assert_close(model(batch.input_ids, batch.attention_mask).logits, expected, rtol=0, atol=1e-10)


def test_a_checkpoint_of_theirs_starts_a_model_with_an_option_and_says_what_is_new(tmp_path: Path) -> None:
    AlbertForMaskedLM(config()).save_pretrained(tmp_path)
    model, info = AlbertForMaskedLM.from_pretrained(tmp_path, norm_placement="pre", output_loading_info=True)
    assert info.missing_keys == {f"albert.encoder.final_norm.{name}" for name in ("bias", "weight")}
    assert (model.albert.encoder.final_norm.weight == 1).all()
