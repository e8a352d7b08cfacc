"""Runs several runs side by side: finished ones are skipped, one that fails doesn't stop the others."""

import itertools
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from albert_lab.config.schema import RunConfig
from albert_lab.errors import RunFailedError, UserError
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.launch import execute, folder_of, stop_children
from albert_lab.runs.machine import usable_cores
from albert_lab.sweep.progress import SweepProgress, count_run

log = logging.getLogger(__name__)

Config = TypeVar("Config", bound=RunConfig)


def share_cores(configs: Sequence[Config], jobs: int | None) -> list[Config]:
    """The configurations with their share of the cores, `jobs` runs at a time, and without a progress bar."""
    cores = usable_cores()
    threads = max(1, cores // (jobs or cores))
    return [
        replace(each, trainer=replace(each.trainer, threads=each.trainer.threads or threads, progress_bar=False))
        for each in configs
    ]


def is_finished(config: RunConfig) -> bool:
    """False also for an impossible setting: such a run fails when its turn comes, the others run."""
    try:
        return folder_of(config).record() is not None
    except UserError:
        return False


def run_side_by_side(
    runs: Sequence[tuple[str, RunConfig]], jobs: int | None, progress: SweepProgress, first: int = 1
) -> list[RunFolder | str]:
    """Runs what isn't finished, `jobs` at a time (one per core by default).

    Args:
        runs: each with a few words that tell it from the others.
        progress: counts them; its total is set.
        first: the number in the labels of the first run that isn't finished.

    Returns:
        For each its folder, or why it failed.
    """
    numbers = itertools.count(first)
    labels = ["" if is_finished(config) else progress.label(next(numbers), words) for words, config in runs]
    pool = ThreadPoolExecutor(jobs or usable_cores())
    attempts = [pool.submit(_attempt, progress, config, label) for (_, config), label in zip(runs, labels, strict=True)]
    try:
        return [attempt.result() for attempt in attempts]
    except KeyboardInterrupt:  # no further run starts, those that run save their state
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(attempt.done() for attempt in attempts):
            stop_children()  # also one that was about to start
            time.sleep(0.1)
        log.warning("stopped: %s; the same command goes on with the rest", progress.describe_stop())
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _attempt(progress: SweepProgress, config: RunConfig, label: str) -> RunFolder | str:
    """The finished run's folder, or why there is none; an empty label: it was finished before."""
    try:
        if not label:
            return execute(config)
        with count_run(progress, label) as records:
            folder = execute(config)
            records.append(folder.record() or {})
            return folder
    except (UserError, RunFailedError, OSError) as error:
        return str(error)
