"""Fine-tunes the models that a study's cells ended with: what sharing costs in accuracy."""

import logging
from collections.abc import Callable, Sequence

from albert_lab.config.schema import FinetuneConfig
from albert_lab.config.study import Study
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
    words = [f"{task}: {cell} s{seed}" for task, cell, _, seed in places]
    with follow_sweep() as progress:
        progress.begin(unfinished)
        results = run_side_by_side(list(zip(words, configs, strict=True)), jobs, progress)
    names = [cell.name for cell in study.cells]
    outcomes = {task: Outcome({name: [] for name in names}, {name: [] for name in names}) for task in tasks}
    for (task, cell, _, _), result in zip(places, results, strict=True):
        if isinstance(result, RunFolder):
            outcomes[task].folders[cell].append(result)
        else:
            outcomes[task].failures[cell].append(result)
    return outcomes


def find_fine_tuned(study: Study, tasks: Sequence[str], outcome: Outcome, compose: Compose) -> dict[str, Outcome]:
    """The same of what has run so far."""
    names = [cell.name for cell in study.cells]
    outcomes = {task: Outcome({name: [] for name in names}, {name: [] for name in names}) for task in tasks}
    for task, cell, run, seed in _list_places(study, tasks, outcome):
        config = compose(task, run, seed)
        if is_finished(config):
            outcomes[task].folders[cell].append(folder_of(config))
    return outcomes


def _list_places(study: Study, tasks: Sequence[str], outcome: Outcome) -> list[tuple[str, str, RunFolder, int]]:
    """Task, cell, its run and the run's seed."""
    return [
        (task, cell.name, run, int((run.record() or {})["config"]["train"]["seed"]))
        for task in tasks
        for cell in study.cells
        for run in outcome.folders.get(cell.name, ())
    ]
