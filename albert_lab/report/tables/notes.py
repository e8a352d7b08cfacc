"""The sentences under a study's table: where figures come from, and what they can't tell."""

from collections.abc import Mapping, Sequence
from typing import Any

from albert_lab.config.study import Study
from albert_lab.report import paper
from albert_lab.report.formatting import capitalize
from albert_lab.report.metrics import declared_metrics, format_average, judging_metrics
from albert_lab.report.summary import Summary
from albert_lab.runs.machine import describe_machine
from albert_lab.runs.metrics import Metric

Record = Mapping[str, Any]


def write_study_notes(study: Study, summaries: Sequence[Summary], records: Sequence[Record]) -> tuple[str, ...]:
    """The caption first; then sources, machines, and what the figures themselves warn of."""
    rows = [row for summary in summaries for row in summary.rows]
    candidates = (
        study.caption,
        _sources(study),
        _measured(study, records),
        *(_resolution(summaries, metric) for metric in judging_metrics(rows)),
        *(_barely_learned(summaries, metric) for metric in declared_metrics(rows)),
        *paper.INCONSISTENCIES.get(study.name, ()),
    )
    return tuple(note for note in candidates if note)


def _sources(study: Study) -> str:
    counted = (
        "Counted: on this package's model at the paper's size, backbone and pooler; nothing was trained at that size. "
        "“With E→H always” adds the H×H projection that a model with E = H can leave out; “applied, with heads” counts "
        "the whole model, a shared block once for every layer that applies it."
    )
    if study.name not in paper.TABLES:
        return counted
    return f"As the paper prints it: {paper.SOURCE}, rounded there; average of five tasks. {counted}"


def _describe_machine(record: Record) -> str:
    """`AMD EPYC, 2 cores, 25 GB, torch 2.13.0`."""
    torch = record.get("versions", {}).get("torch")
    return describe_machine(record.get("host", {})) + (f", torch {torch}" if torch else "")


def _measured(study: Study, records: Sequence[Record]) -> str:
    if not records:
        return "Nothing has been measured yet."
    machines = list(dict.fromkeys(map(_describe_machine, records)))
    text = (
        f"Measured on {'; '.join(machines)}; mean ± sample standard deviation over a cell's seeds; MB = 10⁶ bytes. "
        "Parameters include the heads. Peak memory is the whole process's; its floor is what the process held "
        "before its model existed. ↑: higher is better, ↓: lower is better."
    )
    if len(machines) > 1:
        text += " The machines differ: speeds and memory can't be compared across them."
    return text


def _resolution(summaries: Sequence[Summary], metric: Metric) -> str:
    """How far apart the cells are, against how far apart the seeds of one cell are."""
    figures = [(s, f) for s in summaries if (f := s.held_out(metric))]
    if len(figures) < 2:
        return ""
    low, high = min(figures, key=lambda p: p[1].mean), max(figures, key=lambda p: p[1].mean)
    text = (
        f"{capitalize(metric.title)} runs from {format_average(metric, low[1], with_n=False)} ({low[0].label}) to "
        f"{format_average(metric, high[1], with_n=False)} ({high[0].label})"
    )
    spreads = [figure.spread for _, figure in figures if figure.spread is not None]
    if not spreads:
        return f"{text}; with one seed a cell, nothing says how much of that is chance."
    return (
        f"{text}; the largest spread over the seeds of one cell is {max(spreads):.4f}; gaps of that order may "
        "be chance."
    )


def _barely_learned(summaries: Sequence[Summary], metric: Metric) -> str:
    """Cells whose loss is within 5 % of what a model reaches that has learnt nothing, word frequencies for instance."""
    if metric.higher_is_better:
        return ""
    weak = []
    for summary in summaries:
        loss, chance = summary.held_out(metric), summary.chance(metric)
        if loss and chance is not None and loss.mean > 0.95 * chance:
            weak.append(summary.label)
    if not weak:
        return ""
    return (
        f"Barely better than chance (held-out {metric.title} above 95 % of it): {', '.join(weak)}. Their results say "
        "little about the variants."
    )
