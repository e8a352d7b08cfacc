"""Measures how busy other programs keep the machine while the run trains."""

import time
from typing import Any

import lightning as L

from albert_lab.runs.load import CpuTimes, count_trainings, read_cpu_times, share_of_others

INTERVAL_SECONDS = 5.0  # a look at all processes takes some milliseconds


class Load(L.Callback):
    """At the start, at the end, and the mean over all intervals."""

    def __init__(self) -> None:
        self._mark: CpuTimes | None = None
        self._sums = {"seconds": 0.0, "others": 0.0, "trainings": 0.0}
        self._first: float | None = None
        self._last: float | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._mark = read_cpu_times()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self._mark and time.monotonic() - self._mark.clock >= INTERVAL_SECONDS:
            self._measure()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._measure()

    def _measure(self) -> None:
        before, after, trainings = self._mark, read_cpu_times(), count_trainings()
        self._mark = after
        if before is None or after is None or (others := share_of_others(before, after)) is None:
            return
        self._first = others if self._first is None else self._first
        self._last = others
        seconds = after.clock - before.clock
        for name, value in {"seconds": 1.0, "others": others, "trainings": trainings or 1}.items():
            self._sums[name] += value * seconds

    def figures(self) -> dict[str, float | None]:
        """Shares of the time of all cores, and how many runs trained at once; None where nothing was measured."""
        seconds = self._sums["seconds"]
        return {
            "others_at_start": self._first,
            "others_mean": self._sums["others"] / seconds if seconds else None,
            "others_at_end": self._last,
            "trainings_at_once": self._sums["trainings"] / seconds if seconds else None,
        }

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums, "first": self._first, "last": self._last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sums, self._first, self._last = state["sums"], state["first"], state["last"]
