"""The seeds of one variant together: what a table's row and a plot's point are made from."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from albert_lab.report.metrics import find_declaration, find_held_out_value
from albert_lab.report.statistics import SeedAverage, average_over_seeds, wilson_interval
from albert_lab.runs.metrics import Metric

SCHEME_TEXT = {
    "all": "all shared",
    "attention": "attention shared",
    "ffn": "FFN shared",
    "none": "not shared",
    "groups": "groups",
    "custom": "custom map",
}
SYMBOLS = {
    "model.embedding_size": "E",
    "model.hidden_size": "H",
    "model.num_hidden_layers": "L",
    "model.vocab_size": "V",
    "model.num_attention_heads": "A",
    "sharing.num_hidden_groups": "G",
    "sharing.inner_group_num": "K",
    "sharing.num_blocks": "U",
}
MEMORY_KINDS = ("weights", "gradients", "optimizer", "activations")
PREDICTED_KINDS = (*MEMORY_KINDS, "temporary")  # add up to the predicted peak


@dataclass(frozen=True)
class Summary:
    """One variant over its seeds; `rows` are flat runs as `frames.flatten` makes them, empty where none finished."""

    label: str
    scheme: str
    embedding_size: int | None
    rows: tuple[Mapping[str, Any], ...] = ()

    def average(self, name: str) -> SeedAverage | None:
        return average_over_seeds(row.get(name) for row in self.rows)

    def mean(self, name: str) -> float | None:
        figure = self.average(name)
        return figure.mean if figure else None

    def above_floor(self) -> SeedAverage | None:
        """Peak memory beyond what the process held before its model existed, in bytes."""
        return average_over_seeds(row["memory_bytes/peak"] - row["memory_bytes/floor"] for row in self.rows)

    def memory(self) -> dict[str, float] | None:
        """Bytes by kind and the `rest` of the peak above the floor, means over seeds; None where any is missing."""
        kinds = {kind: self.mean(f"memory_bytes/{kind}") for kind in MEMORY_KINDS}
        above = self.above_floor()
        known = {kind: value for kind, value in kinds.items() if value is not None}
        if above is None or len(known) < len(MEMORY_KINDS):
            return None
        return {**known, "rest": max(0.0, above.mean - sum(known.values()))}

    def predicted_memory(self) -> dict[str, float] | None:
        """Bytes of a step by kind, by arithmetic; None where the runs were listed without their costs."""
        kinds = {kind: self.mean(f"predicted_bytes/{kind}") for kind in PREDICTED_KINDS}
        known = {kind: value for kind, value in kinds.items() if value is not None}
        return known if len(known) == len(PREDICTED_KINDS) else None

    @property
    def task(self) -> str | None:
        return self.rows[0]["task"] if self.rows else None

    def held_out(self, metric: Metric) -> SeedAverage | None:
        """The metric on held-out samples; None where no run has it."""
        return average_over_seeds(find_held_out_value(row, metric) for row in self.rows)

    def chance(self, metric: Metric) -> float | None:
        """What a model reaches that has learnt nothing, as the runs declare it."""
        own = [find_declaration(row, metric) for row in self.rows]
        level = average_over_seeds(declared.chance for declared in own if declared)
        return level.mean if level else None

    def interval(self, metric: Metric) -> tuple[float, float] | None:
        """Wilson's interval of a mean share, from the size of one held-out set; None where the size isn't known.

        Every seed answers the same held-out questions, so more seeds do not make it narrower.
        """
        share = self.held_out(metric)
        samples = self.mean(f"validation/{metric.counted_by}")
        return wilson_interval(share.mean, int(samples)) if share and samples else None

    def shape(self) -> str:
        """The shape that was run: `E=96 H=96 L=6`."""
        keys = ("model.embedding_size", "model.hidden_size", "model.num_hidden_layers")
        return " ".join(f"{SYMBOLS[key]}={self.rows[0][key]}" for key in keys if self.rows and key in self.rows[0])


def describe_scheme(scheme: str) -> str:
    return SCHEME_TEXT.get(scheme, scheme)


def describe_axis(key: str, value: int | str) -> str:
    """One axis of a study as the paper writes it: `E=768`, `all shared`, `objective.sentence=sop`."""
    if key in ("sharing", "sharing.scheme"):
        return describe_scheme(str(value))
    return f"{SYMBOLS.get(key, key)}={value}"


def summarize(frame: pd.DataFrame) -> list[Summary]:
    """One summary for every task and configuration in a frame of runs, by scheme and embedding size.

    Runs that differ in the seed alone belong together.
    """
    settings = ["task", *(key for key in frame.columns if "." in key and key != "train.seed")]
    groups: dict[Hashable, list[dict[str, Any]]] = {}
    for row in frame.to_dict("records"):
        run = {str(key): value for key, value in row.items() if key not in settings or value == value}  # drops NaN
        groups.setdefault(tuple(str(row[key]) for key in settings), []).append(run)
    return _make_labels_distinct(sorted((_summarize_seeds(rows) for rows in groups.values()), key=_sort_key))


def _sort_key(summary: Summary) -> tuple[int, int, str]:
    schemes = list(SCHEME_TEXT)
    position = schemes.index(summary.scheme) if summary.scheme in schemes else len(schemes)
    return position, summary.embedding_size or 0, summary.label


def _summarize_seeds(rows: list[dict[str, Any]]) -> Summary:
    label = re.sub(r" seed \d+$", "", str(rows[0]["name"]))
    scheme, embedding = rows[0].get("sharing.scheme", "unknown"), rows[0].get("model.embedding_size")
    return Summary(label, str(scheme), None if embedding is None else int(embedding), tuple(rows))


def _make_labels_distinct(summaries: Sequence[Summary]) -> list[Summary]:
    """Adds the task to equal labels, and a fingerprint where two configurations share name and task."""
    if len({summary.task for summary in summaries}) > 1:
        summaries = _mark(summaries, lambda summary: str(summary.task))
    return _mark(summaries, lambda summary: str(summary.rows[0]["fingerprint"])[:6])


def _mark(summaries: Sequence[Summary], mark: Callable[[Summary], str]) -> list[Summary]:
    labels = [summary.label for summary in summaries]
    return [s if labels.count(s.label) == 1 else replace(s, label=f"{s.label} ({mark(s)})") for s in summaries]
