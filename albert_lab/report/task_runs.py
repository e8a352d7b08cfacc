"""Finished runs of one task, a seed each: their figures, answers and learning curves."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from albert_lab.errors import UserError
from albert_lab.report.comparison import find_interval
from albert_lab.report.statistics import find_collapsed, wilson_interval
from albert_lab.runs.catalog import read_history
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.metrics import Metric, metrics_from_plain
from albert_lab.scoring.metrics import SCORES
from albert_lab.scoring.predictions import Prediction, read_predictions
from albert_lab.storage.files import read_bytes

Curve = Sequence[tuple[int, float]]  # step, value


@dataclass(frozen=True)
class SeedRun:
    """One finished run."""

    folder: RunFolder
    record: Mapping[str, Any]

    @property
    def seed(self) -> int:
        return int(self.record["config"]["train"]["seed"])

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        return metrics_from_plain(self.record["metrics"])

    @cached_property
    def judge(self) -> Metric:
        """The metric that judges the run; its chance level is that of the very examples that it answered.

        A record has that of the whole split, which is another where fewer examples judge a run.
        """
        metric, golds = self.metrics[0], [each.gold for each in self.predictions]
        if metric.name not in SCORES or not golds or None in golds:
            return metric
        with suppress(UserError):  # too few classes among the answers
            return replace(metric, chance=SCORES[metric.name].chance(golds, self.label_names))
        return metric

    def figure(self, name: str) -> float | None:
        """A figure of the held-out examples."""
        value = self.record["validation"].get(name)
        return None if value is None else float(value)

    @property
    def has_collapsed(self) -> bool:
        """Whether it ended no better than a model that has learnt nothing, or gives one answer to everything."""
        answers = {str(each.prediction) for each in self.predictions}
        is_constant = len(self.predictions) > 1 and len(answers) == 1
        return is_constant or bool(find_collapsed(self.judge, [self.figure(self.judge.name)]))

    @property
    def examples(self) -> int | None:
        """How many held-out examples judged it."""
        samples = self.figure("samples")
        return None if samples is None else int(samples)

    @property
    def trained_on(self) -> int | None:
        """Examples to train on; older records don't say."""
        value = self.record["training"].get("examples")
        return None if value is None else int(value)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % of the figure that judges it, for the choice of held-out examples; None where it kept no answers.

        Wilson's of a share of examples, else from resampled examples.
        """
        value, samples = self.figure(self.judge.name), self.judge.counted_by and self.figure(self.judge.counted_by)
        if value is not None and samples and 0 <= value <= 1:
            return wilson_interval(value, int(samples))
        with suppress(UserError):  # no answers, or too few classes among them
            low, high = find_interval(self.predictions, self.judge.name, self.label_names)
            return (low, high) if low < high else None  # resamples of examples that are all wrong say nothing
        return None

    @cached_property
    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """By metric as `metrics.jsonl` has it: `train/loss`, `validation/accuracy`."""
        return read_history(self.folder)

    @cached_property
    def _splits(self) -> list[str]:
        names = sorted(path.stem for path in self.folder.predictions.glob("*.jsonl"))
        return [name for name in names if not name.startswith("test")]

    @property
    def main_split(self) -> str | None:
        """The held-out split that judges the run; the metrics of the others are named after them."""
        names = {metric.name for metric in self.metrics}
        return next((split for split in self._splits if f"{split}_{self.metrics[0].name}" not in names), None)

    @cached_property
    def predictions(self) -> list[Prediction]:
        """The answers to the examples of the main split; none where they were not kept. Raises: UserError.

        Without `details`: twenty further answers to each of 10,000 questions fill much memory.
        """
        split = self.main_split
        answers = [] if split is None else read_predictions(self.folder.predictions / f"{split}.jsonl")
        return [replace(each, details=[]) for each in answers]

    @cached_property
    def label_names(self) -> list[str]:
        """The classes in the task's order, as far as the answers show them."""
        scored = next((list(each.scores) for each in self.predictions if each.scores), [])
        return scored or sorted({str(name) for each in self.predictions for name in _names(each)})

    @cached_property
    def left_out(self) -> list[str]:
        """Malformed rows that it didn't use, as `FILE:LINE: REASON`."""
        file = self.folder.path / "left_out.jsonl"
        if not file.exists():
            return []
        try:
            rows = [json.loads(line) for line in read_bytes(file).decode("utf-8", "replace").splitlines() if line]
            return [f"{row['file']}:{row['line']}: {row['reason']}" for row in rows]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UserError(f"{file} is damaged ({error}); run it again with --force") from None


def _names(prediction: Prediction) -> list[Any]:
    both = (prediction.gold, prediction.prediction)
    return [name for side in both for name in (side if isinstance(side, list) else [side])]


@dataclass(frozen=True)
class TaskRuns:
    """The seeds of one task that have finished, lowest first, and why others failed."""

    task: str
    seeds: tuple[SeedRun, ...]
    failures: tuple[str, ...] = ()

    @classmethod
    def read(cls, task: str, folders: Sequence[RunFolder], failures: Sequence[str] = ()) -> "TaskRuns":
        """Raises: UserError for a damaged record."""
        found = [(folder, folder.record()) for folder in folders]
        seeds = [SeedRun(folder, record) for folder, record in found if record and record["metrics"]]
        return cls(task, tuple(sorted(seeds, key=lambda run: run.seed)), tuple(failures))

    @property
    def judge(self) -> Metric | None:
        return self.seeds[0].judge if self.seeds else None

    def figures(self, name: str) -> list[float]:
        return [value for run in self.seeds if (value := run.figure(name)) is not None]

    @property
    def ranked(self) -> list[SeedRun]:
        """The seeds by the metric that judges them, lowest value first."""
        known = [(value, run) for run in self.seeds if (value := run.figure(run.judge.name)) is not None]
        return [run for _, run in sorted(known, key=lambda pair: pair[0])]

    @property
    def middle(self) -> SeedRun | None:
        """The seed whose figure is the median; of an even number the lower of the two in the middle."""
        ranked = self.ranked
        return ranked[(len(ranked) - 1) // 2] if ranked else None

    @property
    def collapsed(self) -> list[SeedRun]:
        return [run for run in self.seeds if run.has_collapsed]

    @property
    def state(self) -> str:
        """`5 seeds`, `4 seeds, 1 of them collapsed; 1 failed`, `failed`."""
        count, failed, collapsed = len(self.seeds), len(self.failures), len(self.collapsed)
        if not count:
            return f"all {failed} failed" if failed > 1 else "failed" if failed else "not run"
        text = f"{count} seed{'s' * (count > 1)}"
        if collapsed:
            text += " collapsed" if collapsed == count else f", {collapsed} of them collapsed"
        return text + (f"; {failed} failed" if failed else "")
