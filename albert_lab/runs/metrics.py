"""What a task measures, declared once: progress, record, MLflow, health check, studies, tables and plots read it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """One figure of a task, on training batches (`train/NAME`) and on held-out samples (`validation/NAME`)."""

    name: str  # "mlm_accuracy": its key in records, in `metrics.jsonl` and in MLflow
    title: str  # "MLM accuracy": its heading in tables and plots
    unit: str  # "nats", "share" (0 to 1, printed as a percentage), "correlation" (-1 to 1), "points"; "": none
    higher_is_better: bool
    chance: float | None = None  # what a model that has learnt nothing reaches; None: not known
    counted_by: str | None = None  # the figure with the number of samples behind a share, for its interval
    at_chance: str = ""  # what it means, and what to try, when training is still no better; "": no health check

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`, as Optuna says it."""
        return "maximize" if self.higher_is_better else "minimize"

    def format(self, value: float) -> str:
        """`value` for a log line: `9.9 %`, `6.811 nats`, `0.412`."""
        if self.unit == "share":
            return f"{100 * value:.1f} %"
        return f"{value:.3f}" if self.unit == "correlation" else f"{value:.3f} {self.unit}".rstrip()

    def is_better(self, value: float, other: float) -> bool:
        return value > other if self.higher_is_better else value < other


def metrics_to_plain(metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """The declarations as a record holds them, in the task's order: the first is the one that judges a run."""
    return [asdict(metric) for metric in metrics]


def metrics_from_plain(values: list[dict[str, Any]]) -> tuple[Metric, ...]:
    """The declarations of a record."""
    return tuple(Metric(**value) for value in values)
