"""Learning curves from the runs' own folders: a metric by optimizer step."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from albert_lab.runs.folder import RunFolder
from albert_lab.runs.metrics import Metric

FEWEST_VALIDATIONS = 3  # below, the curve is that of the training batches


def read_curve(records: Iterable[Mapping[str, Any]], metric: Metric) -> pd.DataFrame:
    """Means over the seeds (columns step, value); empty where no folder is left.

    Held-out values where there are enough of them, else those of the training batches.
    """
    lines = [line for record in records for line in _read_lines(record.get("folder"))]
    for section in ("validation", "train"):
        points = [(line["step"], line["metrics"].get(f"{section}/{metric.name}")) for line in lines]
        frame = pd.DataFrame([point for point in points if point[1] is not None], columns=["step", "value"])
        means = frame.groupby("step")["value"].mean()
        curve = pd.DataFrame({"step": means.index, "value": means.to_numpy()})
        if section == "train" or len(curve) >= FEWEST_VALIDATIONS:
            break
    return curve


def _read_lines(folder: str | None) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`; none of a folder that was moved or removed, nor those that are damaged."""
    if folder is None:
        return []
    try:
        lines = RunFolder(Path(folder)).metrics.read_text(encoding="utf-8", errors="replace").splitlines()
        parsed = [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return []
    return [line for line in parsed if isinstance(line, dict) and {"step", "metrics"} <= line.keys()]
