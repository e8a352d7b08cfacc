"""How far a sweep is: a line for every run that ends, on a terminal one line that counts them, and a summary."""

import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from albert_lab.errors import RunStoppedError
from albert_lab.runs.log_lines import CLEAR_LINE, SAID, label_lines
from albert_lab.runs.metrics import metrics_from_plain

log = logging.getLogger(__name__)

SWEEP = "ALBERT_LAB_SWEEP"  # names the folder in which the runs of a sweep note how they ended
TICK_SECONDS = 1.0


class SweepProgress:
    """What has become of a sweep's runs; kept in a file, because joblib's jobs are processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "events.jsonl"

    @classmethod
    def current(cls) -> "SweepProgress | None":
        """The sweep that this process belongs to."""
        return cls(Path(os.environ[SWEEP])) if SWEEP in os.environ else None

    def begin(self, total: int, axes: Sequence[str] = ()) -> None:
        """Notes how many runs are to come, and the settings that vary."""
        start = {"total": total, "started": time.time(), "axes": list(axes)}
        (self.folder / "begin.json").write_text(json.dumps(start), encoding="utf-8")

    def total(self) -> int | None:
        value = self._start()["total"]
        return None if value is None else int(value)

    def axes(self) -> list[str]:
        return list(self._start()["axes"])

    def _start(self) -> dict[str, Any]:
        file = self.folder / "begin.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {"total": None, "axes": []}

    def label(self, number: int, words: str) -> str:
        """`3/16 ffn E96 s0`."""
        total = self.total()
        return f"{number}/{total} {words}" if total else f"{number} {words}"

    def add(self, event: str, reason: str | None = None) -> None:
        """Notes that a run "started", "finished" or "failed"."""
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(json.dumps([event, reason]) + "\n")

    def failures(self) -> list[str]:
        return [reason for event, reason in self._events() if event == "failed"]

    def _events(self) -> list[tuple[str, str]]:
        if not self.file.exists():
            return []
        return [tuple(json.loads(line)) for line in self.file.read_text(encoding="utf-8").splitlines()]

    def _counts(self) -> Counter[str]:
        return Counter(event for event, _ in self._events())

    def describe_stop(self) -> str:
        """`4 of 16 runs are finished, 1 failed`."""
        counts, total = self._counts(), self.total()
        finished = f"{counts['finished']} of {total}" if total else f"{counts['finished']}"
        return f"{finished} runs are finished" + f", {counts['failed']} failed" * (counts["failed"] > 0)

    def describe(self) -> str:
        """`4/16 finished, 1 failed, about 2 min left`."""
        counts, start = self._counts(), self._start()
        finished, failed, total = counts["finished"], counts["failed"], start["total"]
        ended = finished + failed
        words = [f"{finished}/{total} finished" if total else f"{finished} finished"]
        words += [f"{failed} failed"] * (failed > 0)
        if total and 0 < ended < total:
            done = ended + (counts["started"] - ended) / 2  # a run that goes on is half done, on average
            seconds = (time.time() - start["started"]) / done * (total - done)
            words.append(f"about {_describe_time(seconds)} left")
        return ", ".join(words)


@contextmanager
def follow_sweep() -> Iterator[SweepProgress]:
    """Counts the runs that end in here, on a terminal in a line of its own."""
    with tempfile.TemporaryDirectory(prefix="albert-lab-sweep-", ignore_cleanup_errors=True) as name:
        os.environ[SWEEP] = os.environ[SAID] = name
        progress, ends = SweepProgress(Path(name)), threading.Event()
        line = threading.Thread(target=_show_line, args=(progress, ends), daemon=True)
        if sys.stderr.isatty():
            line.start()
        try:
            yield progress
        finally:
            ends.set()
            if line.ident is not None:
                line.join()
            del os.environ[SWEEP], os.environ[SAID]


def _show_line(progress: SweepProgress, ends: threading.Event) -> None:
    while not ends.wait(TICK_SECONDS):
        if (progress.folder / "begin.json").exists():
            sys.stderr.write(f"{CLEAR_LINE}{progress.describe()}")
            sys.stderr.flush()
    sys.stderr.write(CLEAR_LINE)


@contextmanager
def count_run(progress: SweepProgress, label: str) -> Iterator[list[dict[str, Any]]]:
    """Labels a run's lines and says how it ended; the caller appends the record of a finished run to what this yields.

    A run that was stopped raises, and is not counted: it will go on.
    """
    with label_lines(label):
        records: list[dict[str, Any]] = []
        progress.add("started")
        try:
            yield records
        except RunStoppedError:
            raise
        except Exception as error:
            progress.add("failed", f"{label}: {error}")
            log.error("failed: %s; %s", error, progress.describe())
            raise
        progress.add("finished")
        log.info("%s; %s", _summarize(records[0]), progress.describe())


def _summarize(record: dict[str, Any]) -> str:
    """`trained in 12 s: MLM accuracy 5.5 %, MLM loss 6.090 nats`."""
    values = [(metric, record["validation"].get(metric.name)) for metric in metrics_from_plain(record["metrics"])]
    words = [f"{metric.title} {metric.format(value)}" for metric, value in values if value is not None]
    return f"trained in {_describe_time(record['training']['seconds'])}: {', '.join(words)}"


def _describe_time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
