"""Runs a study: every cell with every seed, side by side, finished ones skipped, failed ones noted."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from albert_lab.config.schema import PretrainConfig, StudyConfig
from albert_lab.config.study import Cell, Study
from albert_lab.data.prepare import prepare
from albert_lab.errors import RunFailedError, UserError
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.launch import execute, folder_of
from albert_lab.runs.machine import usable_cores

log = logging.getLogger(__name__)

Settings = Mapping[str, Any]  # by key on the command line
LETTERS = {"model.embedding_size": "E", "model.hidden_size": "H"}  # the paper's names of axes
Compose = Callable[[Sequence[str]], PretrainConfig]  # Hydra overrides -> configuration


@dataclass
class Outcome:
    """What became of a study's runs, by cell name."""

    folders: dict[str, list[RunFolder]] = field(default_factory=dict)  # of finished runs
    failures: dict[str, list[str]] = field(default_factory=dict)

    def records(self) -> dict[str, list[dict[str, Any]]]:
        found = {name: [folder.record() for folder in folders] for name, folders in self.folders.items()}
        return {name: [record for record in records if record] for name, records in found.items()}


def make_study(config: StudyConfig, scale: str, settings: Settings, paper: Settings) -> Study:
    """The study that `config` describes.

    Args:
        settings, paper: every setting by its key, at this scale and at the paper's size, to size the cells for both.
    """
    if not config.name or not config.axes:
        raise UserError(f"study={config.name} has no axes; a search runs with `albert-lab pretrain --multirun`")
    cells = []
    for point in product(*config.axes.values()):
        axes = dict(zip(config.axes, point, strict=True))
        here = {key: _scale(key, value, config.proportional.get(key), settings, paper) for key, value in axes.items()}
        name = " ".join(f"{LETTERS.get(key, key)}={value}" for key, value in axes.items())
        cells.append(Cell(name, axes, _overrides(here), _overrides(axes)))
    return Study(config.name, config.title, config.question, scale, config.caption, tuple(config.seeds), tuple(cells))


def _scale(key: str, value: int | str, reference: str | None, settings: Settings, paper: Settings) -> int | str:
    """`value` in the same proportion to this scale's `reference` as it has to the paper's."""
    if reference is None:
        return value
    ours, theirs = int(settings[reference]), int(paper[reference])
    scaled, rest = divmod(int(value) * ours, theirs)
    if rest:
        raise UserError(f"{key}={value} at {reference}={theirs} has no whole counterpart at {reference}={ours}")
    return scaled


def _overrides(axes: Mapping[str, int | str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in axes.items())


def run_study(study: Study, compose: Compose, jobs: int | None) -> Outcome:
    """Runs what isn't finished, `jobs` at a time (one per core by default); a failed run doesn't stop the others."""
    cores = usable_cores()
    at_once = jobs or cores
    runs = [(cell, _with_threads(config, max(1, cores // at_once))) for cell, config in _configurations(study, compose)]
    unfinished = [config for _, config in runs if not _is_finished(config)]
    log.info("%s: %d runs, %d of them finished", study.name, len(runs), len(runs) - len(unfinished))
    for config in unfinished[:1]:  # the cells share their text: build it once, before they run side by side
        prepare(config.data, config.tokenizer, Path(config.paths.cache))
    pool = ThreadPoolExecutor(at_once)
    try:
        results = list(pool.map(_attempt, [config for _, config in runs]))
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C nothing new starts, what runs saves its state
    return _outcome(study, [(cell, result) for (cell, _), result in zip(runs, results, strict=True)])


def _is_finished(config: PretrainConfig) -> bool:
    """False also for a cell with an impossible setting: it fails when its turn comes, the others run."""
    try:
        return folder_of(config).record() is not None
    except UserError:
        return False


def find_finished(study: Study, compose: Compose) -> Outcome:
    """What has run of a study so far."""
    cells = [(cell, config) for cell, config in _configurations(study, compose) if _is_finished(config)]
    return _outcome(study, [(cell, folder_of(config)) for cell, config in cells])


def _configurations(study: Study, compose: Compose) -> Iterator[tuple[Cell, PretrainConfig]]:
    for cell, seed in product(study.cells, study.seeds):
        yield cell, compose([*cell.overrides, f"train.seed={seed}"])


def _with_threads(config: PretrainConfig, threads: int) -> PretrainConfig:
    trainer = replace(config.trainer, threads=config.trainer.threads or threads, progress_bar=False)
    return replace(config, trainer=trainer)


def _attempt(config: PretrainConfig) -> RunFolder | str:
    """The finished run's folder, or why there is none."""
    try:
        return execute(config)
    except (UserError, RunFailedError, OSError) as error:
        log.error("failed: %s", error)
        return str(error)


def _outcome(study: Study, results: list[tuple[Cell, RunFolder | str]]) -> Outcome:
    outcome = Outcome({cell.name: [] for cell in study.cells}, {cell.name: [] for cell in study.cells})
    for cell, result in results:
        if isinstance(result, RunFolder):
            outcome.folders[cell.name].append(result)
        else:
            outcome.failures[cell.name].append(result)
    return outcome
