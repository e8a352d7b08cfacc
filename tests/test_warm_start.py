"""A run that starts from another run's weights, from end to end."""

from pathlib import Path
from typing import Any

import pytest

from albert_lab.config.schema import PathsConfig, PretrainConfig
from albert_lab.config.variant import BlockStart, WarmStartConfig
from albert_lab.runs import launch
from tests.lab import Lab, folder_of, record_of

STILL = ["train.budget.steps=1", "optimizer.learning_rate=1e-12", "optimizer.warmup_steps=0"]  # as good as no training


def judged(folder: Path) -> dict[str, Any]:
    return {key: record_of(folder)["validation"][key] for key in ("mlm_loss", "mlm_accuracy", "sentence_accuracy")}


def test_an_unshared_run_starts_where_its_shared_source_ended(lab: Lab, small: list[str]) -> None:
    source = folder_of(lab("pretrain", *small, "sharing=all"))
    start = ["sharing=none", "warm_start=first", f"warm_start.checkpoint={source}", *STILL]
    own = folder_of(lab("pretrain", *small, *start))
    assert judged(own) == pytest.approx(judged(source), abs=1e-5)
    assert record_of(own)["parameters"]["unique"] > record_of(source)["parameters"]["unique"]
    assert "from_first" in own.name
    assert f"started from {source}" in (own / "log.txt").read_text()
    assert "another vocabulary" not in (own / "log.txt").read_text()
    deeper = lab("pretrain", *small, *start, "model.num_hidden_layers=4")
    assert deeper.returncode == 2
    assert "a model of 4 layers can't start from one of 3" in deeper.stderr
    assert "Traceback" not in deeper.stderr


def test_a_relaxed_recursive_start_at_full_rank_equals_its_unshared_source(lab: Lab, small: list[str]) -> None:
    source = folder_of(lab("pretrain", *small, "sharing=none"))
    full = ["block=lora", "model.lora_rank=48", "model.lora_bias=true", "sharing.norms=per_layer"]
    start = ["warm_start=relaxed", f"warm_start.checkpoint={source}", *STILL]
    relaxed = folder_of(lab("pretrain", *small, *start, *full))
    assert judged(relaxed) == pytest.approx(judged(source), abs=1e-4)


def test_a_run_is_the_same_wherever_its_source_lies_and_another_when_the_source_differs(tmp_path: Path) -> None:
    names = {}
    for place, content in (("a", "1"), ("b", "1"), ("c", "2")):
        folder = tmp_path / place
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_text(content)
        (folder / "result.json").write_text(place)  # nothing that a model is read from
        start = WarmStartConfig(checkpoint=str(folder), blocks=BlockStart.first)
        config = PretrainConfig(warm_start=start, paths=PathsConfig(runs=str(tmp_path), cache=str(tmp_path / "cache")))
        config.train.budget.steps = 1
        names[place] = launch.folder_of(config).path.name
        config.warm_start.blocks = BlockStart.average
        assert launch.folder_of(config).path.name != names[place]
    assert names["a"] == names["b"] != names["c"]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["warm_start=average"], "warm_start needs warm_start.checkpoint=RUN"),
        (["warm_start.checkpoint=."], "warm_start.checkpoint needs warm_start.blocks=first, average or stepwise"),
        (["warm_start=relaxed", "warm_start.checkpoint=."], "warm_start.lora=svd needs a model.lora_rank above 0"),
        (["warm_start=first", "warm_start.checkpoint=nowhere"], "there is no folder 'nowhere'"),
        (["warm_start=first", "warm_start.checkpoint=."], "holds no config.json; is that run finished?"),
        (["warm_start=first", "warm_start.chekpoint=."], "did you mean 'warm_start.checkpoint'?"),
    ],
)
def test_a_start_from_nothing_is_refused_before_anything_runs(
    lab: Lab, small: list[str], overrides: list[str], says: str
) -> None:
    result = lab("pretrain", *small, *overrides)
    assert result.returncode == 2
    assert says in result.stderr
