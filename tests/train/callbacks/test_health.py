"""The health check says what is wrong, and nothing when nothing is."""

from typing import cast

from albert_lab.runs.metrics import Metric
from albert_lab.train.callbacks.health import HealthCheck, find_metrics_at_chance
from albert_lab.train.callbacks.meter import Meter

LOSS = Metric("loss", "word loss", "nats", higher_is_better=False, chance=6.0, at_chance="try another rate")
SCORE = Metric("score", "score", "share", higher_is_better=True, chance=0.5, at_chance="expected early on")
UNCHECKED = Metric("accuracy", "accuracy", "share", higher_is_better=True, chance=0.1)


def test_a_model_that_learns_gets_no_warning() -> None:
    assert find_metrics_at_chance([LOSS, SCORE, UNCHECKED], {"train/loss": 5.9, "train/score": 0.6}) == []


def test_a_metric_no_better_than_chance_is_named_with_what_to_try() -> None:
    found = find_metrics_at_chance([LOSS, SCORE], {"train/loss": 6.1, "train/score": 0.5})
    assert found[0].startswith("word loss 6.100 nats is not better than 6.000 nats")
    assert found[0].endswith("try another rate")
    assert found[1].startswith("score 50.0 % is not better than 50.0 %")


def test_a_metric_without_a_meaning_at_chance_or_a_value_is_not_checked() -> None:
    assert find_metrics_at_chance([LOSS, UNCHECKED], {"train/accuracy": 0.0}) == []


def test_a_model_is_not_judged_while_its_learning_rate_warms_up() -> None:
    meter = cast(Meter, None)
    assert HealthCheck(meter, [LOSS], step=200, warmup_steps=500).step == 500
    assert HealthCheck(meter, [LOSS], step=200, warmup_steps=50).step == 200
    assert HealthCheck(meter, [LOSS], step=0, warmup_steps=50).step == 0
