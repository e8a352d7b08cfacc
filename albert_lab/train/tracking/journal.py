"""Metrics go to a file in the run's folder first, and from there to MLflow whenever it answers.

`python -m albert_lab.train.tracking.journal RUN_FOLDER URI` sends what a finished run could not send.
"""

import json
import logging
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from albert_lab.config.compose import load
from albert_lab.config.schema import RunConfig
from albert_lab.errors import first_line
from albert_lab.runs.folder import RunFolder, tracking_uri
from albert_lab.runs.metrics import Metric, metrics_from_plain
from albert_lab.storage.files import read_json, write_json, write_text

log = logging.getLogger(__name__)

FLUSH_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 600.0


class Journal(Logger):
    """Lightning's logger: appends a line per step to `metrics.jsonl`, then lets `MlflowSender` catch up."""

    def __init__(self, folder: RunFolder, config: RunConfig, metrics: Sequence[Metric]) -> None:
        super().__init__()
        self.folder = folder
        is_first = getattr(rank_zero_only, "rank", 0) == 0
        self.sender = MlflowSender(folder, config, metrics) if config.tracking.mlflow and is_first else None
        self._last_flush = time.monotonic()
        self._pause = FLUSH_SECONDS

    @property
    def name(self) -> str:
        return "albert_lab"

    @property
    def version(self) -> str:
        return self.folder.path.name

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The configuration is in the run's folder already; `MlflowSender` sends it from there."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        line = {"step": step, "time": round(time.time(), 3), "metrics": metrics}
        with open(self.folder.metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if time.monotonic() - self._last_flush >= self._pause:
            self.flush()

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Drops what an interrupted attempt logged after the checkpoint at `step`: it will be logged again."""
        if self.folder.metrics.exists():
            lines = self.folder.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
            write_text(self.folder.metrics, "".join(kept))
            if self.sender is not None:
                self.sender.rewind(len(kept))

    @rank_zero_only
    def flush(self) -> None:
        """Sends what is new; while the server doesn't answer, tries again at growing intervals."""
        answered = self.sender is None or self.sender.send()
        self._last_flush = time.monotonic()
        self._pause = FLUSH_SECONDS if answered else min(self._pause * 2, LONGEST_PAUSE_SECONDS)


class MlflowSender:
    """Copies a run folder to MLflow from where the last copy ended; it loses no line and stops no training."""

    def __init__(self, folder: RunFolder, config: RunConfig, metrics: Sequence[Metric], uri: str | None = None) -> None:
        from albert_lab.train.tracking import mlflow_store  # takes seconds: here, not in the middle of the training

        self.store = mlflow_store
        self.folder, self.config, self.metrics = folder, config, metrics
        self.uri = uri or tracking_uri(config.tracking, config.paths)
        self.state = self._known_state()
        self._warned = False

    def _known_state(self) -> dict[str, Any]:
        """What was sent before, if it went to the same place."""
        state = read_json(self.folder.tracking) or {}
        fresh = {"uri": self.uri, "run_id": None, "lines_sent": 0, "complete": False}
        return state if state.get("uri") == self.uri else fresh

    def rewind(self, lines: int) -> None:
        """Says that only so many lines are left: what follows them is sent again."""
        self.state["lines_sent"] = min(self.state["lines_sent"], lines)

    def send(self, finished: bool = False) -> bool:
        """Sends new lines, and the record and end of a finished run; False if the server did not take them."""
        try:
            self._send(finished)
        except Exception as error:  # whatever the server's trouble is, the training goes on
            if not self._warned:
                log.warning(
                    "MLflow at %s doesn't answer (%s); training goes on, metrics are kept in %s and sent later",
                    self.uri,
                    first_line(error)[:120],
                    self.folder.metrics,
                )
                self._warned = True
            return False
        return True

    def _send(self, finished: bool) -> None:
        client = self.store.connect(self.uri, Path(self.config.paths.runs))
        if self.state["run_id"] is None:
            self.state["run_id"] = self.store.start_run(client, self.config, self.folder, self.metrics)
            self._save_state()
        lines = self.folder.metrics.read_text(encoding="utf-8").splitlines() if self.folder.metrics.exists() else []
        new = lines[self.state["lines_sent"] :]
        self.store.send_lines(client, self.state["run_id"], [json.loads(line) for line in new])
        self.state["lines_sent"] = len(lines)
        if finished:
            self.store.finish_run(client, self.state["run_id"], self.folder)
            self.state["complete"] = True
        self._save_state()

    def _save_state(self) -> None:
        write_json(self.folder.tracking, self.state)


def send_finished(path: Path, uri: str) -> bool:
    """Sends all of a finished run's folder that the store at `uri` doesn't have yet."""
    folder = RunFolder(path)
    record = folder.record()
    assert record is not None, f"{path} is not finished"
    return MlflowSender(folder, load(folder.config), metrics_from_plain(record["metrics"]), uri).send(finished=True)


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    sys.exit(0 if send_finished(Path(sys.argv[1]), sys.argv[2]) else 1)
