"""How much of the processor other programs take while a run trains, and how many runs train at once.

Speeds compare only where the machine was equally busy, so a run's record keeps both.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from albert_lab.runs.machine import usable_cores

TRAINING = "albert_lab.train"  # in the command line of every training process


@dataclass(frozen=True)
class CpuTimes:
    """Seconds since the system started; their differences say how busy it was in between."""

    clock: float
    idle: float  # of all cores that this process may use, added up
    own: float  # of this training's processes, added up


def read_cpu_times() -> CpuTimes | None:
    """Now; None where the system doesn't give them."""
    try:
        cores = psutil.cpu_times(percpu=True)
        usable = psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else range(len(cores))
        idle = sum(cores[core].idle + getattr(cores[core], "iowait", 0.0) for core in usable or ())
        root = _find_root(psutil.Process())
        own = sum(_cpu_seconds(process) for process in (root, *root.children(recursive=True)))
    except (OSError, psutil.Error, IndexError):
        return None
    return CpuTimes(time.monotonic(), idle, own)


def share_of_others(before: CpuTimes, after: CpuTimes) -> float | None:
    """The share of the cores' time that neither was idle nor went to this training; None for no time at all."""
    seconds = (after.clock - before.clock) * usable_cores()
    if seconds <= 0:
        return None
    taken = seconds - (after.idle - before.idle) - (after.own - before.own)
    return min(1.0, max(0.0, taken / seconds))


def count_trainings() -> int | None:
    """How many runs train on this machine now, this one included."""
    try:
        commands = [process.info["cmdline"] or () for process in psutil.process_iter(["cmdline"])]
    except (OSError, psutil.Error):
        return None
    return len(find_trained_folders(commands))


def find_trained_folders(commands: Iterable[Sequence[str]]) -> set[str]:
    """The folders of the runs that these command lines train; a run of several processes has several."""
    return {command[-1] for command in commands if _is_training(command)}


def _is_training(command: Sequence[str]) -> bool:
    return TRAINING in command


def _find_root(process: psutil.Process) -> psutil.Process:
    """The first process of this training: that of a run of several starts the others."""
    parent = process.parent()
    return _find_root(parent) if parent is not None and _is_training(parent.cmdline()) else process


def _cpu_seconds(process: psutil.Process) -> float:
    """With those of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
