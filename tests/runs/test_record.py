"""A run's record: what a sweeper may ask of it."""

import pytest

from albert_lab.errors import UserError
from albert_lab.runs.metrics import Metric, metrics_to_plain
from albert_lab.runs.record import SECTIONS, flatten_figures, read_measures

METRICS = (
    Metric("accuracy", "accuracy", "share", higher_is_better=True),
    Metric("loss", "loss", "nats", higher_is_better=False),
)
RECORD = {
    **{section: {} for section in SECTIONS},
    "metrics": metrics_to_plain(METRICS),
    "parameters": {"unique": 100},
    "validation": {"accuracy": 0.75, "loss": None, "samples": 20},
}


def test_figures_go_by_section_and_name() -> None:
    assert flatten_figures(RECORD) == {
        "parameters/unique": 100.0,
        "validation/accuracy": 0.75,
        "validation/samples": 20.0,
    }


def test_the_first_metric_judges_a_run_unless_others_are_named() -> None:
    assert read_measures(RECORD, None) == [0.75]
    assert read_measures(RECORD, ["parameters/unique", "validation/accuracy"]) == [100.0, 0.75]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("validation/acuracy", "a run has no 'validation/acuracy'; did you mean 'validation/accuracy'"),
        ("validation/loss", "nothing to measure 'validation/loss' on"),
    ],
)
def test_a_measure_that_no_run_has_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_measures(RECORD, [name])
