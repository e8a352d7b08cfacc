"""The groups of a benchmark's examples, say the schools of RACE, are scored and declared apart."""

from types import SimpleNamespace
from typing import Any

import pytest

from albert_lab.data.tasks.examples import ChoiceExample, Examples
from albert_lab.scoring.predictions import Prediction
from albert_lab.train.tasks import finetuning
from albert_lab.train.tasks.finetuning import FinetuningTask

ROWS = [
    ChoiceExample(str(number), "", ("a", "b"), label, group)
    for number, (label, group) in enumerate([(0, "middle"), (0, "high"), (1, "middle"), (0, "high"), (1, "college")])
]


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> FinetuningTask:
    """One that always answers 0 and is judged by the first four examples."""
    monkeypatch.setattr(finetuning, "evaluate", lambda *_: ([], 0.0, 4))
    monkeypatch.setattr(finetuning, "draw_sample", lambda rows, count: rows[:count])
    task: Any = FinetuningTask.__new__(FinetuningTask)
    task.benchmark = SimpleNamespace(metrics=("accuracy",), held_out=("dev",))
    task.head = SimpleNamespace(
        gold=lambda row: row.label,
        encode=lambda rows: None,
        answer=lambda rows, *_: [Prediction(row.id, row.label, 0, group=row.group) for row in rows],
        label_names=(),
        chance_loss=lambda: None,
        tune=lambda predictions: predictions,
        tuned={},
    )
    task.config = SimpleNamespace(train=SimpleNamespace(validation_samples=4, batch_size=2))
    task.held_out = [task._hold_out("dev", Examples(ROWS))]
    task.predictions = {}
    task.metrics = task._declare_metrics()
    return task


def test_every_group_that_a_run_is_judged_by_has_its_figures_declared(task: FinetuningTask) -> None:
    figures = task.validate(None)  # type: ignore[arg-type]
    assert figures == {
        "accuracy": 0.75, "middle_accuracy": 0.5, "high_accuracy": 1.0, "samples": 4, "loss": 0.0
    }  # fmt: skip
    assert {metric.name for metric in task.metrics} == {*figures} - {"samples"}
    assert task.metrics[0].name == "accuracy"


def test_chance_of_a_group_is_its_own_majority(task: FinetuningTask) -> None:
    chances = {metric.name: metric.chance for metric in task.metrics if metric.name != "loss"}
    assert chances == {"accuracy": 0.6, "middle_accuracy": 0.5, "high_accuracy": 1.0}
