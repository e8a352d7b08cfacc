"""What makes a run the run it is: its fingerprint, and a readable name."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from albert_lab.config.plain import flatten
from albert_lab.config.schema import FinetuneConfig, PretrainConfig, RunConfig
from albert_lab.config.variant import ModelConfig, NormSharing, SharingConfig

NUMERICS = 3  # raised when a change of the code changes what a configuration computes
FROZEN_DEFAULTS = Path(__file__).with_name("frozen_defaults.yaml")
PATHS = (  # what lies there counts, not where it lies
    "data.files", "tokenizer.model_file", "warm_start.checkpoint", "task.files.train", "task.files.dev",
    "task.files.test",
)  # fmt: skip


def fingerprint(config: RunConfig, content: dict[str, Any], frozen: Mapping[str, Any] | None = None) -> str:
    """Hash of everything that can change a result.

    Only settings that differ from the frozen defaults are hashed, so a new setting leaves finished runs their names.

    Args:
        content: what the files that the settings name hold.
        frozen: the defaults to compare with; None: those of `frozen_defaults.yaml`.
    """
    frozen = frozen_defaults() if frozen is None else frozen
    settings = result_settings(config)
    changed = {key: value for key, value in settings.items() if key not in frozen or value != frozen[key]}
    text = json.dumps([NUMERICS, config.verb, changed, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def result_settings(config: RunConfig) -> dict[str, Any]:
    """Every setting that can change a result, by its key on the command line; paths are left out."""
    groups = {group: flatten(getattr(config, group), f"{group}.") for group in config.result_groups}
    return {key: value for group in groups.values() for key, value in group.items() if key not in PATHS}


@cache
def frozen_defaults() -> dict[str, Any]:
    """Each setting's default when it was added to the schema."""
    defaults = OmegaConf.to_container(OmegaConf.load(FROZEN_DEFAULTS))
    assert isinstance(defaults, dict)
    return {str(key): value for key, value in defaults.items()}


def describe(config: RunConfig) -> str:
    """A readable name: `all E16 H96 L6 pre lora8 seed 0`, `docstring_packages from all-E16 seed 0`."""
    if isinstance(config, FinetuneConfig):
        words = _finetuning_words(config)
    else:
        assert isinstance(config, PretrainConfig)
        words = _pretraining_words(config)
    return " ".join([*words, f"seed {config.train.seed}"])


SYMBOLS = {  # what varies in a sweep, in the order in which a person names it
    "sharing": "",
    "sharing.scheme": "",
    "model.embedding_size": "E",
    "model.hidden_size": "H",
    "model.num_hidden_layers": "L",
}


def describe_axes(config: RunConfig) -> str:
    """What tells a run from the others of its study: `ffn E96 s0`; empty without a study's axes."""
    settings = flatten(config)
    values = {key: settings.get(key, settings.get(f"{key}.scheme")) for key in config.study.axes}
    return describe_settings(values | {"train.seed": config.train.seed}) if values else ""


def describe_settings(settings: Mapping[str, Any]) -> str:
    """Settings by key in a few characters: `ffn E96 learning_rate=0.001 s0`."""
    known = [key for key in SYMBOLS if key in settings]
    others = [key for key in settings if key not in (*SYMBOLS, "train.seed")]
    words = [f"{SYMBOLS[key]}{settings[key]}" for key in known]
    words += [f"{key.rsplit('.', 1)[-1]}={settings[key]}" for key in others if settings[key] is not None]
    return " ".join([*words, *[f"s{settings[key]}" for key in ["train.seed"] if key in settings]])


# Settings that a name mentions where they are not ALBERT's own -> what the name says before the value.
OPTIONS = {
    "norm_placement": "",
    "depth_signal": "",
    "position_embedding_type": "positions_",
    "output_embedding_size": "O",
    "lora_rank": "lora",
    "adapter_size": "adapter",
}


def _pretraining_words(config: PretrainConfig) -> list[str]:
    model, usual = config.model, ModelConfig()
    words = [describe_sharing(config.sharing)]
    words += [f"E{model.embedding_size}", f"H{model.hidden_size}", f"L{model.num_hidden_layers}"]
    changed = [name for name in OPTIONS if getattr(model, name) != getattr(usual, name)]
    words += [f"{OPTIONS[name]}{getattr(model, name)}" for name in changed]
    if config.warm_start.blocks is not None:
        words.append(f"from_{config.warm_start.blocks}")
    return words


def _finetuning_words(config: FinetuneConfig) -> list[str]:
    task = config.task
    source = re.sub(r"-[0-9a-f]{10}$", "", Path(config.checkpoint or "").name)  # a run's folder without its fingerprint
    words = [task.name, f"from {source}"]
    return words + ["frozen"] * task.freeze_encoder


def describe_sharing(sharing: SharingConfig) -> str:
    """The scheme and its numbers: `groups2x3` (G x K), `cycle4`, `all per-layer norms`, `custom-1f0a`."""
    words = [sharing.scheme]
    if sharing.scheme == "groups":
        words[0] += f"{sharing.num_hidden_groups}" + f"x{sharing.inner_group_num}" * (sharing.inner_group_num > 1)
    elif sharing.scheme == "immediate":
        words[0] += f"{sharing.repeats}"
    elif sharing.num_blocks is not None:
        words[0] += f"{sharing.num_blocks}"
    if sharing.norms is not None:
        words.append("per-layer norms" if sharing.norms is NormSharing.per_layer else "block norms")
    listed = [sharing.attention, sharing.ffn, sharing.attention_norm, sharing.ffn_norm]
    if any(ids is not None for ids in listed):  # too long for a folder's name
        words[0] += f"-{hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:4]}"
    return " ".join(words)
