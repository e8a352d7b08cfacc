"""A stand-in until the metrics land, which replace this file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from albert_lab.scoring.predictions import Prediction


@dataclass(frozen=True)
class Score:
    name: str
    title: str
    unit: str
    higher_is_better: bool
    points: Callable[[Sequence[Prediction]], Any] | None
    chance: Callable[[Sequence[Any], Sequence[str]], float | None]


def _hit_rate(predictions: Sequence[Prediction]) -> float:
    return sum(p.gold == p.prediction for p in predictions) / max(len(predictions), 1)


def _majority(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    return max(map(list(golds).count, label_names)) / len(golds) if label_names else None


SCORES = {"accuracy": Score("accuracy", "accuracy", "share", True, _hit_rate, _majority)}


def score(names: Sequence[str], predictions: Sequence[Prediction], label_names: Sequence[str]) -> dict[str, float]:
    return {name: _hit_rate(predictions) for name in names}
