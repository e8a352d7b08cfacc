"""Runs every cell of a study with every seed, side by side: finished runs are skipped, failed ones noted."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.study import Cell, Study
from albert_lab.runs.contents import prepare_contents
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.identity import describe_settings
from albert_lab.runs.launch import folder_of
from albert_lab.runs.machine import usable_cores
from albert_lab.sweep.cells import order_runs
from albert_lab.sweep.progress import follow_sweep
from albert_lab.sweep.side_by_side import is_finished, run_side_by_side, share_cores

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
    cells = _configurations(study, compose)
    configs = share_cores([config for _, config in cells], jobs)
    unfinished = [config for config in configs if not is_finished(config)]
    log.info("%s: %d runs, %d of them finished", study.name, len(configs), len(configs) - len(unfinished))
    if unfinished:
        at_once, threads = jobs or usable_cores(), unfinished[0].trainer.threads
        log.info("%d at a time, CPU threads each: %s; what each run logs is in its log.txt", at_once, threads)
    for config in unfinished[:1]:  # the cells share their text: build it once, before they run side by side
        prepare_contents(config)
    words = [_describe(cell, config) for cell, config in cells]
    with follow_sweep() as progress:
        progress.begin(len(unfinished))
        results = run_side_by_side(list(zip(words, configs, strict=True)), jobs, progress)
    return Outcome.of(study, [(cell, result) for (cell, _), result in zip(cells, results, strict=True)])


def find_finished(study: Study, compose: Compose) -> Outcome:
    """What has run of a study so far."""
    cells = [(cell, config) for cell, config in _configurations(study, compose) if is_finished(config)]
    return Outcome.of(study, [(cell, folder_of(config)) for cell, config in cells])


def _configurations(study: Study, compose: Compose) -> list[tuple[Cell, PretrainConfig]]:
    return [(cell, compose([*cell.overrides, f"train.seed={seed}"])) for cell, seed in order_runs(study)]


def _describe(cell: Cell, config: PretrainConfig) -> str:
    axes = dict(override.split("=", 1) for override in cell.overrides)
    return describe_settings({**axes, "train.seed": config.train.seed})
