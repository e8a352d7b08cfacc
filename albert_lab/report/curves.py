"""Learning curves from the runs' own folders: a metric by optimizer step."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from albert_lab.runs.catalog import read_history
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.metrics import Metric

FEWEST_VALIDATIONS = 3  # below, the curve is that of the training batches


def read_curve(records: Iterable[Mapping[str, Any]], metric: Metric) -> pd.DataFrame:
    """Means over the seeds (columns step, value); empty where no folder is left.

    Held-out values where there are enough of them, else those of the training batches.
    """
    histories = [read_history(RunFolder(Path(record["folder"]))) for record in records if record.get("folder")]
    for section in ("validation", "train"):
        points = [point for history in histories for point in history.get(f"{section}/{metric.name}", ())]
        frame = pd.DataFrame(points, columns=["step", "value"])
        means = frame.groupby("step")["value"].mean()
        curve = pd.DataFrame({"step": means.index, "value": means.to_numpy()})
        if section == "train" or len(curve) >= FEWEST_VALIDATIONS:
            break
    return curve
