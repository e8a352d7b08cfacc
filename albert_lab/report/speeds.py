"""Which cells' speeds don't compare with those of the others, and why."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from albert_lab.report.summary import Summary

LOAD_APART = 0.15  # share of the cores' time that others may take more or less than in most cells
RUNS_APART = 0.5  # trainings at once, more or less


def explain_speeds(summaries: Sequence[Summary]) -> list[str]:
    """For each cell why its speed can't be compared with most others; empty where it can, or where nothing is known."""
    rows = [row for summary in summaries for row in summary.rows]
    hosts = Counter(row.get("host") for row in rows if row.get("host"))
    usual_host = hosts.most_common(1)[0][0] if hosts else None
    usual_load, usual_runs = (_median(rows, key) for key in ("speed/others_mean", "speed/trainings_at_once"))
    reasons = []
    for summary in summaries:
        parts = [f"on {host}" for host in _hosts(summary) if host != usual_host]
        parts += _differ(summary, "speed/others_mean", usual_load, LOAD_APART, _say_load)
        parts += _differ(summary, "speed/trainings_at_once", usual_runs, RUNS_APART, _say_runs)
        reasons.append("; ".join(parts))
    return reasons


def describe_load(summaries: Sequence[Summary]) -> str:
    """One sentence on how busy the machine was; says so where it wasn't recorded."""
    rows = [row for summary in summaries for row in summary.rows]
    loads = _known(rows, "speed/others_mean")
    if not rows:
        return ""
    if not loads:
        return "How busy other programs kept the machine was not recorded, so nothing says which speeds compare."
    span = dict.fromkeys((f"{min(loads):.0%}", f"{max(loads):.0%}"))
    trainings = max(_known(rows, "speed/trainings_at_once") or [1.0])
    text = f"While a run trained, other programs took {' to '.join(span)} of the processor's time"
    text += f", other runs of the lab among them (up to {trainings:.0f} at once)" if trainings > 1 + RUNS_APART else ""
    missing = len(rows) - len(loads)
    text += f"; of {missing} older run{'s' * (missing > 1)} it is not known" if missing else ""
    return f"{text}. Sizes are not affected, speeds are." if max(loads) > LOAD_APART else f"{text}."


def _differ(summary: Summary, key: str, usual: float | None, apart: float, say: Any) -> list[str]:
    own = _known(summary.rows, key)
    if usual is None or not own:
        return []
    furthest = max(own, key=lambda value: abs(value - usual))
    return [say(furthest, usual)] if abs(furthest - usual) > apart else []


def _say_load(own: float, usual: float) -> str:
    return f"others took {own:.0%} of the processor's time, {usual:.0%} in most runs"


def _say_runs(own: float, usual: float) -> str:
    return f"{own:.2g} runs trained at once, {usual:.2g} in most"


def _hosts(summary: Summary) -> list[str]:
    return list(dict.fromkeys(str(row["host"]) for row in summary.rows if row.get("host")))


def _known(rows: Sequence[Any], key: str) -> list[float]:
    return [row[key] for row in rows if row.get(key) is not None and row[key] == row[key]]


def _median(rows: Sequence[Any], key: str) -> float | None:
    values = _known(rows, key)
    return statistics.median(values) if values else None
