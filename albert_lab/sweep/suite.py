"""Fine-tunes a checkpoint on several tasks with several seeds: every one is a run; one that fails stops no other."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from albert_lab.config.overrides import quote_path
from albert_lab.config.schema import FinetuneConfig, SuiteConfig
from albert_lab.errors import UserError
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.machine import usable_cores
from albert_lab.sweep.progress import SweepProgress, follow_sweep
from albert_lab.sweep.side_by_side import is_finished, run_side_by_side, share_cores

log = logging.getLogger(__name__)

Compose = Callable[[str, Sequence[str]], FinetuneConfig]  # a task and Hydra overrides -> configuration of a run


@dataclass
class SuiteOutcome:
    """What became of a suite's runs, by task, in the order of seeds."""

    folders: dict[str, list[RunFolder]] = field(default_factory=dict)  # of finished runs
    failures: dict[str, list[str]] = field(default_factory=dict)

    def by_seed(self, task: str) -> dict[int, RunFolder]:
        records = [(folder.record(), folder) for folder in self.folders.get(task, [])]
        return {record["config"]["train"]["seed"]: folder for record, folder in records if record}


def run_suite(
    suite: SuiteConfig, seeds: Sequence[int], compose: Compose, jobs: int | None, start: str | None = None
) -> SuiteOutcome:
    """Runs every task with every seed; those that start from another task's models come after it.

    A task whose start failed fails too, seed by seed; the same command runs again what failed. `start`: the override
    that names another checkpoint than the one the user gave.

    Raises: UserError for a suite whose warm start is impossible.
    """
    _check_warm_start(suite)
    outcome = SuiteOutcome({task: [] for task in suite.tasks}, {task: [] for task in suite.tasks})
    first = [task for task in suite.tasks if task not in suite.warm_started]
    second = [task for task in suite.tasks if task in suite.warm_started]
    with follow_sweep() as progress:
        total = len(suite.tasks) * len(seeds)
        progress.begin(total)
        begin = [start] if start else []
        done = _run_tasks({task: dict.fromkeys(seeds, begin) for task in first}, compose, jobs, progress, 1, outcome)
        _run_tasks(_start_from_others(suite, second, seeds, outcome), compose, jobs, progress, done, outcome)
    return outcome


def _check_warm_start(suite: SuiteConfig) -> None:
    start = suite.warm_start_task
    if set(suite.warm_started) & set(suite.tasks) and (start not in suite.tasks or start in suite.warm_started):
        raise UserError(
            f"suite.warm_start_task={start} must be one of suite.tasks, and none of suite.warm_started; "
            "suite.warm_started=[] has every task start from the checkpoint itself"
        )


def _start_from_others(
    suite: SuiteConfig, tasks: Sequence[str], seeds: Sequence[int], outcome: SuiteOutcome
) -> dict[str, dict[int, list[str]]]:
    """For each task and seed the override that names its start; one whose start failed is noted as failed."""
    overrides: dict[str, dict[int, list[str]]] = {task: {} for task in tasks}
    starts = outcome.by_seed(suite.warm_start_task or "")
    for task in tasks:
        for seed in seeds:
            if seed in starts:
                overrides[task][seed] = [f"checkpoint={quote_path(starts[seed].path)}"]
            else:
                outcome.failures[task].append(f"seed {seed}: {suite.warm_start_task}, which it starts from, failed")
    return overrides


def _run_tasks(
    overrides: Mapping[str, Mapping[int, list[str]]],
    compose: Compose,
    jobs: int | None,
    progress: SweepProgress,
    first: int,
    outcome: SuiteOutcome,
) -> int:
    """Runs them seed by seed, so that a suite that is stopped has something of every task. Returns the next number."""
    seeds = dict.fromkeys(seed for by_seed in overrides.values() for seed in by_seed)
    places = [(task, seed) for seed in seeds for task in overrides if seed in overrides[task]]
    configs = [compose(task, [*overrides[task][seed], f"train.seed={seed}"]) for task, seed in places]
    configs = share_cores(configs, jobs)
    unfinished = sum(not is_finished(config) for config in configs)
    if places:
        log.info("%d runs, %d of them finished; %d at a time", len(places), len(places) - unfinished,
                 jobs or usable_cores())  # fmt: skip
    runs = [(f"{task} s{seed}", config) for (task, seed), config in zip(places, configs, strict=True)]
    for (task, seed), result in zip(places, run_side_by_side(runs, jobs, progress, first), strict=True):
        if isinstance(result, RunFolder):
            outcome.folders[task].append(result)
        else:
            outcome.failures[task].append(f"seed {seed}: {result}")
    return first + unfinished
