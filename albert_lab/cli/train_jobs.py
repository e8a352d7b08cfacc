"""The verbs that train: one run, or with --multirun one after another or side by side, each a job of Hydra's."""

import logging
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import RUN_CONFIGS
from albert_lab.errors import RunFailedError, UserError
from albert_lab.processes import adopt_children, end_with_parent
from albert_lab.runs.identity import describe_settings
from albert_lab.runs.log_lines import terminal_handler

if TYPE_CHECKING:
    from albert_lab.runs.folder import RunFolder

log = logging.getLogger(__name__)

FORCE_FLAG = "--force"


def train_jobs(verb: str, arguments: Sequence[str]) -> int:
    """Exit code 0 when every run is finished, else 1; one run's mistake is the user's."""
    from albert_lab.sweep.progress import follow_sweep

    adopt_children()
    further = take_force(arguments)
    if not parse_arguments(further).multirun:
        run_app(lambda composed: train(verb, composed), verb, further)
        return 0
    with follow_sweep() as progress:
        try:
            run_app(lambda composed: train(verb, composed), verb, further)
        except KeyboardInterrupt:
            command = shlex.join(["albert-lab", verb, *further])
            log.warning("stopped: %s; to go on with the rest: %s", progress.describe_stop(), command)
            raise
        reasons = progress.failures()
    for reason in reasons:
        log.error("failed: %s", reason)
    return 1 if reasons else 0


def take_force(arguments: Sequence[str]) -> list[str]:
    """The arguments without `--force`, which this process and those that it starts get as a variable instead."""
    from albert_lab.runs.launch import FORCE

    os.environ[FORCE] = "1" if FORCE_FLAG in arguments else "0"
    return [argument for argument in arguments if argument != FORCE_FLAG]


def train(verb: str, composed: Any) -> float | list[float] | None:
    """One Hydra job. Returns what a sweeper optimizes, `study.measures` of the record: Optuna takes one as a number."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from albert_lab.runs.launch import execute
    from albert_lab.runs.record import read_measures

    end_with_parent()  # where it is a worker process of joblib, which logs nothing by itself
    logging.basicConfig(level=logging.INFO, handlers=[terminal_handler()])
    hydra_config = HydraConfig.get()
    if hydra_config.mode is RunMode.RUN:
        folder = execute(from_hydra(composed, RUN_CONFIGS[verb]))
    else:
        try:
            folder = _train_counted(verb, composed, hydra_config)
        except (UserError, RunFailedError):
            if "optuna" in hydra_config.sweeper["_target_"].lower():
                raise
            return None  # one failed cell doesn't end a sweep
    print(folder.path, flush=True)
    record = folder.record()
    assert record is not None
    measures = read_measures(record, composed.study.measures)
    return measures[0] if len(measures) == 1 else measures


def _train_counted(verb: str, composed: Any, hydra_config: Any) -> "RunFolder":
    """Trains one job of a multirun, its lines labelled with its number and what varies."""
    from albert_lab.runs.launch import execute
    from albert_lab.sweep.progress import SweepProgress, count_run

    progress = SweepProgress.current()
    assert progress is not None
    job = dict(override.split("=", 1) for override in hydra_config.overrides.task if "=" in override)
    words = describe_settings({key: value for key, value in job.items() if key in progress.axes()})
    with count_run(progress, progress.label(hydra_config.job.num + 1, words)) as records:
        folder = execute(from_hydra(composed, RUN_CONFIGS[verb]))
        records.append(folder.record() or {})
    return folder
