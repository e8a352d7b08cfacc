"""Fine-tunes the models that a study's cells ended with: what sharing costs in accuracy."""

import logging
from collections.abc import Callable, Sequence

from albert_lab.config.schema import FinetuneConfig
from albert_lab.config.study import Cell, Study
from albert_lab.errors import UserError
from albert_lab.runs.contents import read_contents
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.launch import folder_of
from albert_lab.sweep.grid import Outcome
from albert_lab.sweep.progress import follow_sweep
from albert_lab.sweep.side_by_side import is_finished, run_side_by_side, share_cores

log = logging.getLogger(__name__)

Compose = Callable[[str, RunFolder, int], FinetuneConfig]  # a task, a cell's finished run, a seed


def list_tasks(tasks: Sequence[str], with_data: Sequence[str], outcome: Outcome, compose: Compose) -> list[str]:
    """The tasks whose data is there: those that need a benchmark's files are left out, and named, where it isn't."""
    found = list(tasks)
    sample = next((folder for folders in outcome.folders.values() for folder in folders), None)
    for task in with_data if sample else ():
        assert sample is not None
        try:
            read_contents(compose(task, sample, 0))
            found.append(task)
        except UserError as error:
            log.warning("no column for %s: %s", task, error)
    return found


def fine_tune_cells(
    study: Study, tasks: Sequence[str], outcome: Outcome, compose: Compose, jobs: int | None
) -> dict[str, Outcome]:
    """Fine-tunes every finished run of `outcome` on every task, with its own seed. Returns what became of it."""
    places = _list_places(study, tasks, outcome)
    configs = share_cores([compose(task, run, seed) for task, _, run, seed in places], jobs)
    unfinished = sum(not is_finished(config) for config in configs)
    if places:
        done = len(places) - unfinished
        log.info("fine-tuning on %s: %d runs, %d of them finished", ", ".join(tasks), len(places), done)
    words = [f"{task}: {cell.name} s{seed}" for task, cell, _, seed in places]
    with follow_sweep() as progress:
        progress.begin(unfinished)
        results = run_side_by_side(list(zip(words, configs, strict=True)), jobs, progress)
    ended = list(zip(places, results, strict=True))
    return {
        task: Outcome.of(study, [(cell, result) for (own, cell, _, _), result in ended if own == task])
        for task in tasks
    }


def find_fine_tuned(study: Study, tasks: Sequence[str], outcome: Outcome, compose: Compose) -> dict[str, Outcome]:
    """The same of what has run so far."""
    found = [(own, cell, compose(own, run, seed)) for own, cell, run, seed in _list_places(study, tasks, outcome)]
    finished = [(own, cell, folder_of(config)) for own, cell, config in found if is_finished(config)]
    return {
        task: Outcome.of(study, [(cell, folder) for own, cell, folder in finished if own == task]) for task in tasks
    }


def _list_places(study: Study, tasks: Sequence[str], outcome: Outcome) -> list[tuple[str, Cell, RunFolder, int]]:
    """Task, cell, its run and the run's seed."""
    return [
        (task, cell, run, int((run.record() or {})["config"]["train"]["seed"]))
        for task in tasks
        for cell in study.cells
        for run in outcome.folders.get(cell.name, ())
    ]
