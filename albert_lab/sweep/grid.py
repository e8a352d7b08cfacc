"""Runs every cell of a study with every seed, side by side: finished runs are skipped, failed ones noted."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.study import Cell, Study
from albert_lab.data.prepare import prepare
from albert_lab.errors import RunFailedError, UserError
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.identity import describe_settings
from albert_lab.runs.launch import execute, folder_of, stop_children
from albert_lab.runs.machine import usable_cores
from albert_lab.sweep.cells import order_runs
from albert_lab.sweep.progress import SweepProgress, count_run, follow_sweep

log = logging.getLogger(__name__)

Compose = Callable[[Sequence[str]], PretrainConfig]  # Hydra overrides -> configuration


@dataclass
class Outcome:
    """What became of a study's runs, by cell name."""

    folders: dict[str, list[RunFolder]] = field(default_factory=dict)  # of finished runs
    failures: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, results: Sequence[tuple[Cell, RunFolder | str]]) -> "Outcome":
        """Sorts each run's folder, or the reason why it failed, under its cell."""
        outcome = cls({cell.name: [] for cell in study.cells}, {cell.name: [] for cell in study.cells})
        for cell, result in results:
            if isinstance(result, RunFolder):
                outcome.folders[cell.name].append(result)
            else:
                outcome.failures[cell.name].append(result)
        return outcome

    def records(self) -> dict[str, list[dict[str, Any]]]:
        found = {name: [folder.record() for folder in folders] for name, folders in self.folders.items()}
        return {name: [record for record in records if record] for name, records in found.items()}


def run_study(study: Study, compose: Compose, jobs: int | None) -> Outcome:
    """Runs what isn't finished, `jobs` at a time (one per core by default); a failed run doesn't stop the others."""
    cores = usable_cores()
    at_once = jobs or cores
    runs = []
    for cell, config in _configurations(study, compose):
        threads = config.trainer.threads or max(1, cores // at_once)
        runs.append((cell, replace(config, trainer=replace(config.trainer, threads=threads, progress_bar=False))))
    unfinished = [config for _, config in runs if not _is_finished(config)]
    log.info("%s: %d runs, %d of them finished", study.name, len(runs), len(runs) - len(unfinished))
    if unfinished:
        log.info("%d at a time, CPU threads each: %d; what each run logs is in its log.txt", at_once, threads)
    for config in unfinished[:1]:  # the cells share their text: build it once, before they run side by side
        prepare(config.data, config.tokenizer, Path(config.paths.cache))
    with follow_sweep() as progress:
        progress.begin(len(unfinished))
        numbers = iter(range(1, len(unfinished) + 1))
        labels = [
            "" if _is_finished(config) else progress.label(next(numbers), _describe(cell, config))
            for cell, config in runs
        ]
        pool = ThreadPoolExecutor(at_once)
        attempts = [
            pool.submit(_attempt, progress, config, label) for (_, config), label in zip(runs, labels, strict=True)
        ]
        try:
            results = [attempt.result() for attempt in attempts]
        except KeyboardInterrupt:  # no further run starts, those that run save their state
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(attempt.done() for attempt in attempts):
                stop_children()  # also one that was about to start
                time.sleep(0.1)
            log.warning("stopped: %s; the same command goes on with the rest", progress.describe_stop())
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return Outcome.of(study, [(cell, result) for (cell, _), result in zip(runs, results, strict=True)])


def find_finished(study: Study, compose: Compose) -> Outcome:
    """What has run of a study so far."""
    cells = [(cell, config) for cell, config in _configurations(study, compose) if _is_finished(config)]
    return Outcome.of(study, [(cell, folder_of(config)) for cell, config in cells])


def _configurations(study: Study, compose: Compose) -> list[tuple[Cell, PretrainConfig]]:
    return [(cell, compose([*cell.overrides, f"train.seed={seed}"])) for cell, seed in order_runs(study)]


def _is_finished(config: PretrainConfig) -> bool:
    """False also for a cell with an impossible setting: it fails when its turn comes, the others run."""
    try:
        return folder_of(config).record() is not None
    except UserError:
        return False


def _describe(cell: Cell, config: PretrainConfig) -> str:
    axes = dict(override.split("=", 1) for override in cell.overrides)
    return describe_settings({**axes, "train.seed": config.train.seed})


def _attempt(progress: SweepProgress, config: PretrainConfig, label: str) -> RunFolder | str:
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
