"""Metrics go to a file in the run's folder first, and from there to MLflow whenever it answers.

`python -m albert_lab.train.tracking.journal RUN_FOLDER URI` sends what a finished run could not send.
"""

import json
import logging
import math
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from albert_lab.config.compose import load
from albert_lab.config.schema import RunConfig
from albert_lab.errors import first_line
from albert_lab.processes import end_with_parent
from albert_lab.runs.folder import RunFolder, list_finished_runs, tracking_uri
from albert_lab.runs.metrics import Metric, metrics_from_plain
from albert_lab.storage.files import read_bytes, read_json, write_json, write_text

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

FLUSH_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 600.0
LONGEST_END_SECONDS = 30.0  # that a run waits for a server once it is trained; the same command sends the rest


class Journal(Logger):
    """Lightning's logger: appends a line per step to `metrics.jsonl`, from which a thread sends them to MLflow."""

    def __init__(self, folder: RunFolder, config: RunConfig, metrics: Sequence[Metric]) -> None:
        super().__init__()
        self.folder = folder
        is_first = getattr(rank_zero_only, "rank", 0) == 0
        tracks = config.tracking.mlflow and is_first
        self.sending = SendingThread(MlflowSender(folder, config, metrics)) if tracks else None

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
        if self.sending is not None:
            self.sending.start()

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Drops what an interrupted attempt logged after the checkpoint at `step`: it will be logged again."""
        if self.folder.metrics.exists():
            content = read_bytes(self.folder.metrics, most_bytes=2**40)
            kept = [line for line in _read_lines(content.splitlines(keepends=True)) if line["step"] <= step]
            write_text(self.folder.metrics, "".join(json.dumps(line) + "\n" for line in kept))

    @rank_zero_only
    def close(self, finished: bool) -> None:
        """Sends the rest, with the record where the run is finished; waits for a server, but not for long."""
        if self.sending is not None:
            self.sending.end(finished)


class SendingThread:
    """Sends while the training goes on: a server that doesn't answer delays no step."""

    def __init__(self, sender: "MlflowSender") -> None:
        self.sender = sender
        self._ends = threading.Event()
        self._finished = False
        self._thread = threading.Thread(target=self._run, name="MLflow", daemon=True)

    def start(self) -> None:
        """Starts the thread, unless it runs. Not before training has begun: that forks workers."""
        if self._thread.ident is None:
            self._thread.start()

    def end(self, finished: bool) -> None:
        """Sends once more and waits until that is done; for a server at most `LONGEST_END_SECONDS`."""
        self._finished = finished
        self._ends.set()
        self.start()
        self._thread.join(None if self.sender.is_local else LONGEST_END_SECONDS)
        if self._thread.is_alive():
            log.warning("MLflow at %s takes too long; the same command sends the rest", self.sender.uri)

    def _run(self) -> None:
        """Sends what is new; while the server doesn't answer, tries again at growing intervals."""
        pause = FLUSH_SECONDS
        while not self._ends.wait(pause):
            pause = FLUSH_SECONDS if self.sender.send() else min(pause * 2, LONGEST_PAUSE_SECONDS)
        self.sender.send(self._finished)


class MlflowSender:
    """Copies a run folder to MLflow, each step once; it loses no line and raises no error.

    MLflow can't delete a step. A training that was killed logs some steps again, so before the first line the sender
    asks the store for the last step that it has of every metric.
    """

    def __init__(self, folder: RunFolder, config: RunConfig, metrics: Sequence[Metric], uri: str | None = None) -> None:
        from albert_lab.train.tracking import mlflow_store  # takes seconds: here, not in the middle of the training

        self.store = mlflow_store
        self.folder, self.config, self.metrics = folder, config, metrics
        self.uri = uri or tracking_uri(config.tracking, config.paths)
        self.is_local = mlflow_store.is_local(self.uri)
        state = read_json(folder.tracking) or {}
        self.state = state if state.get("uri") == self.uri else _unsent(self.uri)
        self._client: MlflowClient | None = None
        self._last_steps: dict[str, int] = {}  # by metric
        self._position = 0  # in the file of metrics
        self._warned = False

    def send(self, finished: bool = False) -> bool:
        """Sends new lines, and the record and end of a finished run; False if the server did not take them."""
        try:
            if self._client is None:
                self._client = self._open()
            self._send(self._client, finished)
        except Exception as error:  # whatever the server's trouble is, the training goes on
            self._client = None  # what it took of this is unknown
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

    def _open(self) -> "MlflowClient":
        """Connects, finds or creates the MLflow run, and reads what that has."""
        client = connect(self.uri, Path(self.config.paths.runs))
        steps = self.store.last_steps(client, self.state["run_id"]) if self.state["run_id"] else None
        if steps is None:
            self.state["run_id"] = self.store.start_run(client, self.config, self.folder, self.metrics)
            write_json(self.folder.tracking, self.state)
            steps = self.store.last_steps(client, self.state["run_id"])
        self._last_steps, self._position = steps or {}, 0
        return client

    def _send(self, client: "MlflowClient", finished: bool) -> None:
        run_id = self.state["run_id"]
        lines, position = self._read_new_lines()
        self.store.send_lines(client, run_id, lines, self._last_steps)
        self._position = position
        if finished:
            self.store.finish_run(client, run_id, self.folder, self._last_steps)
            self.state["complete"] = True
            write_json(self.folder.tracking, self.state)

    def _read_new_lines(self) -> tuple[list[dict[str, Any]], int]:
        """What was logged since `_position`, and where that ends."""
        if not self.folder.metrics.is_file():
            return [], 0
        with open(self.folder.metrics, "rb") as file:
            file.seek(self._position)
            whole = [line for line in file if line.endswith(b"\n")]  # the last one may be being written
        return _read_lines(whole), self._position + sum(map(len, whole))


def _read_lines(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """What whole lines of `metrics.jsonl` say; those that a power cut or a bad disk damaged are left out."""
    found = []
    for line in lines:
        try:
            value = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and type(value.get("step")) is int and _are_figures(value):
            found.append(value)
    return found


def _are_figures(line: dict[str, Any]) -> bool:
    time, metrics = line.get("time"), line.get("metrics")
    numbers = [time, *(value for value in metrics.values() if value is not None)] if isinstance(metrics, dict) else [""]
    are_numbers = all(type(n) is float or (type(n) is int and abs(n) < 2**63) for n in numbers)
    return are_numbers and math.isfinite(time or 0)


def connect(uri: str, runs: Path) -> "MlflowClient":
    """A client of the store at `uri`; where its database was broken, the finished runs under `runs` are sent again."""
    from albert_lab.train.tracking import mlflow_store

    client, is_rebuilt = mlflow_store.connect(uri, runs)
    if is_rebuilt:
        sent = [run for run in list_finished_runs(runs) if (read_json(run.tracking) or {}).get("uri") == uri]
        for run in sent:
            write_json(run.tracking, _unsent(uri))
        for run in sent:
            send_finished(run.path, uri)
    return client


def send_finished(path: Path, uri: str) -> bool:
    """Sends all of a finished run's folder that the store at `uri` doesn't have yet."""
    folder = RunFolder(path)
    record = folder.record()
    assert record is not None, f"{path} is not finished"
    return MlflowSender(folder, load(folder.config), metrics_from_plain(record["metrics"]), uri).send(finished=True)


def _unsent(uri: str) -> dict[str, Any]:
    """What `tracking.json` says of a run that MLflow doesn't know."""
    return {"uri": uri, "run_id": None, "complete": False}


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    sys.exit(0 if send_finished(Path(sys.argv[1]), sys.argv[2]) else 1)
