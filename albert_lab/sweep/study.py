"""Runs a study: every cell with every seed, side by side, finished ones skipped, failed ones noted."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.study import Cell, Study
from albert_lab.data.prepare import prepare
from albert_lab.errors import RunFailedError, UserError
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.launch import execute, folder_of
from albert_lab.runs.machine import usable_cores

log = logging.getLogger(__name__)

Compose = Callable[[Sequence[str]], PretrainConfig]  # Hydra overrides -> configuration


@dataclass
class Outcome:
    """What became of a study's runs, by cell name."""

    folders: dict[str, list[RunFolder]] = field(default_factory=dict)  # of finished runs
    failures: dict[str, list[str]] = field(default_factory=dict)

    def records(self) -> dict[str, list[dict[str, Any]]]:
        found = {name: [folder.record() for folder in folders] for name, folders in self.folders.items()}
        return {name: [record for record in records if record] for name, records in found.items()}


def make_study(config: PretrainConfig, scale: str, paper: PretrainConfig) -> Study:
    """The study that `config.study` describes, its cells sized for `config` and for the `paper`'s own size."""
    described = config.study
    if not described.name or not described.axes:
        raise UserError(f"study={described.name} has no axes; a search runs with `albert-lab pretrain --multirun`")
    cells = tuple(_cell(dict(zip(described.axes, point, strict=True)), config, paper)
                  for point in product(*described.axes.values()))  # fmt: skip
    return Study(
        described.name, described.title, described.question, scale, described.caption, tuple(described.seeds), cells
    )


def _cell(axes: dict[str, int | str], config: PretrainConfig, paper: PretrainConfig) -> Cell:
    here = {key: _scaled(key, value, config, paper) for key, value in axes.items()}
    name = " ".join(f"{_short(key)}={value}" for key, value in axes.items())
    return Cell(name, axes, _overrides(here), _overrides(axes))


def _scaled(key: str, value: int | str, config: PretrainConfig, paper: PretrainConfig) -> int | str:
    """`value` in the same proportion to this scale's size as it has to the paper's."""
    reference = config.study.proportional.get(key)
    if reference is None:
        return value
    ours, theirs = _setting(config, reference), _setting(paper, reference)
    scaled, rest = divmod(int(value) * ours, theirs)
    if rest:
        raise UserError(f"{key}={value} at {reference}={theirs} has no whole counterpart at {reference}={ours}")
    return scaled


def _setting(config: PretrainConfig, key: str) -> int:
    node: Any = config
    for part in key.split("."):
        node = getattr(node, part)
    return int(node)


def _short(key: str) -> str:
    return {"model.embedding_size": "E", "model.hidden_size": "H"}.get(key, key)


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


def finished_runs(study: Study, compose: Compose) -> Outcome:
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
