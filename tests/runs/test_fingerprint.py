"""A run's identity: the same settings have the same one in every version, and only results count."""

from pathlib import Path

import pytest

from albert_lab.config.compose import load, register, save
from albert_lab.config.schema import PathsConfig, PretrainConfig, Strategy, TrainerConfig
from albert_lab.config.training import DataConfig, OptimizerConfig, OptimizerName, Precision, TrainConfig
from albert_lab.config.variant import BlockStart, ModelConfig, NormPlacement, SharingConfig, WarmStartConfig
from albert_lab.runs import folder as run_folder
from albert_lab.runs.folder import fingerprint

# A new value here means that no user's finished run is found again: only where a setting that can change a result came,
# went or got another meaning. Where code changes what a configuration computes, NUMERICS is raised in place of it.
KNOWN = {
    "08bbc111aa9bfc4a": PretrainConfig(),
    "e5a3b75e7c7d4c74": PretrainConfig(
        model=ModelConfig(norm_placement=NormPlacement.deepnorm, lora_rank=8),
        sharing=SharingConfig("custom", attention=[0, 1], ffn=[0, 0]),
    ),
    "a9731ef41eb6cfa7": PretrainConfig(
        data=DataConfig("text", ["a.txt"]),
        optimizer=OptimizerConfig(name=OptimizerName.lamb),
        train=TrainConfig(seed=3, precision=Precision.bf16),
        warm_start=WarmStartConfig("somewhere", BlockStart.average),
    ),
}


@pytest.mark.parametrize("known", KNOWN)
def test_a_configuration_keeps_its_fingerprint(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "NUMERICS", 2)
    assert fingerprint(KNOWN[known], {"corpus": "4f"}) == known


def test_a_configuration_read_back_has_the_same_fingerprint(tmp_path: Path) -> None:
    register()
    for config in KNOWN.values():
        save(config, tmp_path / "config.yaml")
        assert fingerprint(load(tmp_path / "config.yaml"), {}) == fingerprint(config, {})


def test_where_and_how_fast_a_run_goes_is_not_part_of_it() -> None:
    elsewhere = PretrainConfig(
        trainer=TrainerConfig(devices=2, strategy=Strategy.ddp), paths=PathsConfig(runs="elsewhere")
    )
    assert fingerprint(elsewhere, {}) == fingerprint(PretrainConfig(), {})


def test_what_the_named_files_hold_is_part_of_it_and_their_paths_are_not() -> None:
    here, there = (PretrainConfig(data=DataConfig("text", [name])) for name in ("here.txt", "there.txt"))
    assert fingerprint(here, {"corpus": "4f"}) == fingerprint(there, {"corpus": "4f"})
    assert fingerprint(here, {"corpus": "4f"}) != fingerprint(here, {"corpus": "50"})
