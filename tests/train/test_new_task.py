"""The seam of tasks: one with a metric of its own, defined here alone, trains and shows up everywhere."""

import json
import logging
import math
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from albert_lab.config.compose import save
from albert_lab.config.schema import FinetuneConfig
from albert_lab.errors import UserError
from albert_lab.report.frames import from_mlflow, from_records
from albert_lab.report.runs_report import RunsReport
from albert_lab.runs.folder import RunFolder, tracking_uri
from albert_lab.runs.metrics import Metric
from albert_lab.train.batches import Arrays, StepPlan
from albert_lab.train.callbacks.health import find_metrics_at_chance
from albert_lab.train.callbacks.meter import TrainingDivergedError
from albert_lab.train.callbacks.progress import Progress
from albert_lab.train.engine import run
from albert_lab.train.tasks import TASKS
from albert_lab.train.tasks.task import Figures, Task, sum_over_samples

ANGLE = Metric(
    "angle", "angle to the line", "degrees", higher_is_better=False, chance=90.0, at_chance="try another rate"
)


class Points:
    """Points of y = 2x."""

    max_seq_length = 1

    def __len__(self) -> int:
        return 100

    def batches(self, groups: Sequence[np.ndarray]) -> list[Arrays]:
        return [{"x": np.cos(indices).astype(np.float32), "step_points": np.array(len(indices))} for indices in groups]

    def plan(self, indices: np.ndarray) -> StepPlan:
        return StepPlan(np.ones_like(indices), {"step_points": len(indices)})


class FitLine(Task):
    """Learns the slope of a line, and measures by how many degrees it is off."""

    sums = ("tokens", "angle")
    metrics = (ANGLE,)

    def __init__(self, config: FinetuneConfig) -> None:
        self.config, self.samples = config, Points()

    def make_model(self) -> nn.Module:
        return nn.Linear(1, 1, bias=False)

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        x = batch["x"][:, None]
        errors = (model(x) - 2 * x).square().sum()
        slope = next(model.parameters()).detach().double().squeeze()
        angle = (torch.atan(slope) - math.atan(2)).abs().rad2deg()
        return errors / batch["step_points"], torch.stack([torch.tensor(float(len(x))).double(), angle * len(x)])

    def figures(self, sums: Mapping[str, float]) -> Figures:
        return {"angle": sums["angle"] / sums["tokens"]}

    def validate(self, model: nn.Module, rank: int = 0, processes: int = 1) -> Figures:
        return self.figures(sum_over_samples(self, model, self.samples, 8, 4, rank, processes))

    def save(self, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        torch.save(dict(weights), folder / "line.pt")

    def count_cost(self, model: nn.Module) -> dict[str, Any]:
        return {"parameters": {"unique": 1, "applied": 1}, "flops_per_token": {"forward": 2, "training": 6}}


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def prepare_run(tmp_path: Path) -> tuple[FinetuneConfig, RunFolder]:
    config = FinetuneConfig(checkpoint="a-model")
    config.task.name, config.paths.runs, config.trainer.accelerator = "line", str(tmp_path), "cpu"
    config.paths.cache = str(tmp_path / "cache")
    config.train.batch_size, config.train.budget.steps, config.optimizer.learning_rate = 4, 30, 0.1
    config.trainer.log_every_steps, config.train.validate_every_steps = 10, 15
    folder = RunFolder.of(config, "0123456789abcdef")
    save(config, folder.config)
    return config, folder


@pytest.fixture
def finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, signals_as_before: None
) -> tuple[FinetuneConfig, RunFolder]:
    monkeypatch.setitem(TASKS, "line", FitLine)
    config, folder = prepare_run(tmp_path)
    with caplog.at_level(logging.INFO):
        run(folder, config)
    return config, folder


def test_a_task_of_its_own_trains_through_the_engine_and_its_metric_is_everywhere(
    finished: tuple[FinetuneConfig, RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = finished
    record = folder.record()
    assert record is not None
    found = record["validation"]["angle"]
    assert found < 10
    assert record["task"] == "line"
    assert record["metrics"][0]["unit"] == "degrees"
    assert f"held-out angle to the line {found:.3f} degrees (chance 90.000 degrees)" in "\n".join(
        said.getMessage() for said in caplog.get_records("setup")
    )
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [line["step"] for line in lines if "train/angle" in line["metrics"]] == [1, 10, 20, 30]
    assert [line["step"] for line in lines if "validation/angle" in line["metrics"]] == [15, 30]
    uri = tracking_uri(config.tracking, config.paths)
    for frame in (from_records([record]), from_mlflow(uri, config.tracking.experiment)):
        assert frame["validation/angle"].tolist() == [pytest.approx(found)]
        report = RunsReport(frame)
        assert "angle to the line (degrees) ↓" in report.text()
        assert "angle to the line (degrees, lower is better)" in report.html()


class LostOnHeldOutPoints(FitLine):
    """Its training figures are finite, its held-out one is not."""

    def validate(self, model: nn.Module, rank: int = 0, processes: int = 1) -> Figures:
        return {"angle": math.nan, "points": None}


@pytest.mark.parametrize("validate_every", [15, 1000], ids=["during training", "at the end"])
def test_a_validation_figure_that_is_not_finite_is_a_failure_and_not_a_record(
    validate_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals_as_before: None
) -> None:
    monkeypatch.setitem(TASKS, "line", LostOnHeldOutPoints)
    config, folder = prepare_run(tmp_path)
    config.tracking.mlflow, config.train.validate_every_steps = False, validate_every
    step = min(validate_every, 30)
    with pytest.raises(TrainingDivergedError, match=f"a validation figure is not finite at step {step}: try a lower"):
        run(folder, config)
    assert folder.record() is None
    assert not (folder.path / "line.pt").exists()


def test_a_gpu_that_pytorch_does_not_find_is_the_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals_as_before: None
) -> None:
    monkeypatch.setitem(TASKS, "line", FitLine)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    config, folder = prepare_run(tmp_path)
    config.trainer.accelerator = "gpu"
    with pytest.raises(UserError, match=r"trainer.accelerator=gpu trainer.devices=1: PyTorch finds 0 GPUs; take"):
        run(folder, config)


def test_progress_and_health_check_read_the_declaration() -> None:
    meter = cast(Any, SimpleNamespace(last={"train/angle": 91.5, "speed/tokens_per_second": 1200.0}))
    progress = Progress(meter, [ANGLE], budget=cast(Any, None), bar=False)
    assert progress.describe() == "angle to the line 91.500 degrees, 1,200 tokens/s"
    (finding,) = find_metrics_at_chance([ANGLE], meter.last)
    assert finding.startswith("angle to the line 91.500 degrees is not better than 90.000 degrees")
