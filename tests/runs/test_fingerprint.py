"""A run's identity: the same settings have the same one in every version, and only results count."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from albert_lab.config.compose import load, register, save
from albert_lab.config.schema import (
    RUN_CONFIGS,
    FinetuneConfig,
    PathsConfig,
    PretrainConfig,
    RunConfig,
    TrainerConfig,
)
from albert_lab.config.training import (
    DataConfig,
    OptimizerConfig,
    OptimizerName,
    Precision,
    TaskConfig,
    TrainConfig,
)
from albert_lab.config.variant import BlockStart, ModelConfig, NormPlacement, Pooling, SharingConfig, WarmStartConfig
from albert_lab.runs import identity
from albert_lab.runs.identity import FROZEN_DEFAULTS, fingerprint, frozen_defaults, result_settings

PROBE = TaskConfig(pooling=Pooling.mean, freeze_encoder=True)

# A new value here means that no user's finished run is found again: only where a setting got another meaning. Where
# code changes what a configuration computes, NUMERICS is raised in place of it.
KNOWN: dict[str, RunConfig] = {
    "25d36a67c6ab317d": PretrainConfig(),
    "8cb627e63e324770": PretrainConfig(
        model=ModelConfig(norm_placement=NormPlacement.deepnorm, lora_rank=8),
        sharing=SharingConfig("custom", attention=[0, 1], ffn=[0, 0]),
    ),
    "ffb64be3c7b55fb7": PretrainConfig(
        data=DataConfig("text", ["a.txt"]),
        optimizer=OptimizerConfig(name=OptimizerName.lamb),
        train=TrainConfig(seed=3, precision=Precision.bf16),
        warm_start=WarmStartConfig("somewhere", BlockStart.average),
    ),
    "2f44dec72c8af73b": FinetuneConfig(checkpoint="somewhere", task=PROBE),
}


@pytest.mark.parametrize("known", KNOWN)
def test_a_configuration_keeps_its_fingerprint(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "NUMERICS", 2)
    assert fingerprint(KNOWN[known], {"corpus": "4f"}) == known


def test_a_configuration_read_back_has_its_class_and_its_fingerprint(tmp_path: Path) -> None:
    register()
    for config in KNOWN.values():
        save(config, tmp_path / "config.yaml")
        found = load(tmp_path / "config.yaml")
        assert (type(found), fingerprint(found, {})) == (type(config), fingerprint(config, {}))
        assert (tmp_path / "config.yaml").read_text().startswith(f"verb: {config.verb}\n")


@dataclass(kw_only=True)
class GrownModelConfig(ModelConfig):
    """The model's settings of a later version."""

    residual_scale: float = 1.0


def test_a_new_setting_with_its_default_leaves_every_fingerprint_as_it_was() -> None:
    frozen = frozen_defaults() | {"model.residual_scale": 1.0}
    grown = PretrainConfig(model=GrownModelConfig())
    assert fingerprint(grown, {}, frozen) == fingerprint(PretrainConfig(), {})
    changed = PretrainConfig(model=GrownModelConfig(residual_scale=0.5))
    assert fingerprint(changed, {}, frozen) != fingerprint(grown, {}, frozen)


def test_after_a_default_changes_each_value_keeps_the_fingerprint_that_it_had() -> None:
    """The frozen table keeps the old default: a run with the old value keeps its fingerprint."""
    new_default = PretrainConfig(model=ModelConfig(hidden_dropout_prob=0.1))  # what `PretrainConfig()` would come to
    assert fingerprint(new_default, {}) != fingerprint(PretrainConfig(), {})
    assert fingerprint(PretrainConfig(model=ModelConfig(hidden_dropout_prob=0.0)), {}) == fingerprint(
        PretrainConfig(), {}
    )


@pytest.mark.parametrize("verb", RUN_CONFIGS)
def test_every_setting_that_can_change_a_result_has_a_frozen_default(verb: str) -> None:
    missing = {
        key: value for key, value in result_settings(RUN_CONFIGS[verb]()).items() if key not in frozen_defaults()
    }
    assert not missing, f"append to {FROZEN_DEFAULTS.name}, and never change the line again: {missing}"


def test_frozen_defaults_are_only_ever_appended_to() -> None:
    """A line that changes or goes renames every finished run. After appending, pin the longer file here."""
    lines = [line for line in FROZEN_DEFAULTS.read_text().splitlines() if not line.startswith("#")]
    pinned, digest = 86, "862182be5f819d9f"
    assert hashlib.sha256("\n".join(lines[:pinned]).encode()).hexdigest()[:16] == digest


def test_every_group_of_a_run_is_sorted_into_results_and_speed() -> None:
    of_speed, of_many_runs = {"trainer", "tracking", "study", "paths"}, {"suite", "finetune"}
    for kind in RUN_CONFIGS.values():
        groups = {item.name for item in fields(kind)} - {"checkpoint", "data_root"}  # paths: what lies there counts
        assert groups - of_many_runs == set(kind.result_groups) | of_speed


def test_where_and_how_fast_a_run_goes_is_not_part_of_it() -> None:
    trainer = TrainerConfig(devices=2, strategy="ddp")
    elsewhere = PretrainConfig(trainer=trainer, paths=PathsConfig(runs="elsewhere"))
    assert fingerprint(elsewhere, {}) == fingerprint(PretrainConfig(), {})


def test_what_the_named_files_hold_is_part_of_it_and_their_paths_are_not() -> None:
    here, there = (PretrainConfig(data=DataConfig("text", [name])) for name in ("here.txt", "there.txt"))
    assert fingerprint(here, {"corpus": "4f"}) == fingerprint(there, {"corpus": "4f"})
    assert fingerprint(here, {"corpus": "4f"}) != fingerprint(here, {"corpus": "50"})
