"""transformers loads a folder of ours with the right weights or refuses it: never with random ones."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from albert_lab import AlbertConfig, AlbertForMaskedLM, SharingConfig, make_layer_map
from albert_lab.errors import UserError
from albert_lab.model.torch.auto import load_any
from tests.model.peers import AS_HUGGING_FACE, TINY, transformers

IDS = torch.arange(1, 11).view(2, 5)
SIZES = TINY | {"num_hidden_layers": 4}
EXPRESSIBLE: dict[str, dict[str, Any]] = {
    "all": {},
    "groups": {"num_hidden_groups": 2},
    "inner": {"inner_group_num": 2},
    "none": {"layer_map": make_layer_map(SharingConfig(scheme="none"), 4)},
    "cycle": {"layer_map": make_layer_map(SharingConfig(scheme="cycle", num_blocks=2), 4)},
}
INEXPRESSIBLE: dict[str, dict[str, Any]] = {
    "attention alone": {"layer_map": make_layer_map(SharingConfig(scheme="attention"), 4)},
    "sandwich": {"layer_map": make_layer_map(SharingConfig(scheme="sandwich"), 4)},
    "norms before": {"norm_placement": "pre"},
    "adapters": {"adapter_size": 2},
    "LoRA": {"lora_rank": 2, "layer_map": make_layer_map(SharingConfig(scheme="all"), 4)},
    "positions": {"position_embedding_type": "relative_key"},
}


def save(folder: Path, options: dict[str, Any]) -> AlbertForMaskedLM:
    model = AlbertForMaskedLM(AlbertConfig(**(SIZES | AS_HUGGING_FACE | options))).eval()
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("options", EXPRESSIBLE.values(), ids=EXPRESSIBLE)
def test_what_transformers_can_express_it_loads_whole(options: dict[str, Any], tmp_path: Path) -> None:
    ours = save(tmp_path, options)
    for auto in (transformers.AutoModelForMaskedLM, transformers.AlbertForMaskedLM):
        theirs, info = auto.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
        torch.testing.assert_close(theirs(IDS).logits, ours(IDS).logits)


@pytest.mark.parametrize("options", INEXPRESSIBLE.values(), ids=INEXPRESSIBLE)
def test_what_transformers_cannot_express_it_refuses(options: dict[str, Any], tmp_path: Path) -> None:
    ours = save(tmp_path, options)
    for auto in (transformers.AutoModel, transformers.AutoModelForMaskedLM, transformers.AutoConfig):
        with pytest.raises(ValueError, match="model type `albert_lab`"):
            auto.from_pretrained(tmp_path)
    for theirs in (transformers.AlbertModel, transformers.AlbertForMaskedLM):
        with pytest.raises(KeyError, match="albert_lab alone can load"):
            theirs.from_pretrained(tmp_path)
    again = load_any(tmp_path.parent, subfolder=tmp_path.name)
    assert again.config == ours.config
    assert torch.equal(again(IDS).logits, ours(IDS).logits)


def test_a_subfolder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="inner has no"):
        load_any(tmp_path, subfolder="inner")


def test_a_folder_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Its `hidden_act` stands among the other keys."""
    ours = save(tmp_path, {"norm_placement": "pre"})
    stored = json.loads((tmp_path / "config.json").read_text())
    stored["hidden_act"] = stored["albert_lab"].pop("hidden_act")
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert torch.equal(load_any(tmp_path)(IDS).logits, ours(IDS).logits)
