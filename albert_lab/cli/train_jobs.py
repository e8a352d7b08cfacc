"""The verbs that train: one run, or with --multirun one after another or side by side, each a job of Hydra's."""

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import RUN_CONFIGS
from albert_lab.errors import RunFailedError, UserError
from albert_lab.processes import adopt_children, end_with_parent

log = logging.getLogger(__name__)

FORCE_FLAG = "--force"
FAILURES = "ALBERT_LAB_FAILURES"  # names the file in which the jobs of a multirun note their failures


def train_jobs(verb: str, arguments: Sequence[str]) -> int:
    """Exit code 0 when every run is finished, else 1; one run's mistake is the user's."""
    with tempfile.NamedTemporaryFile("r", prefix="albert-lab-failures-") as failures:
        os.environ[FAILURES] = failures.name
        adopt_children()
        run_app(lambda composed: train(verb, composed), verb, take_force(arguments))
        reasons = failures.read().splitlines()
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

    end_with_parent()  # where it is a worker process of joblib
    hydra_config = HydraConfig.get()
    try:
        config = from_hydra(composed, RUN_CONFIGS[verb])
        folder = execute(config)
    except (UserError, RunFailedError) as error:
        if hydra_config.mode is RunMode.RUN or "optuna" in hydra_config.sweeper["_target_"].lower():
            raise
        job = hydra_config.job.num  # one failed cell doesn't end a sweep
        log.error("job %d failed: %s", job, error)
        with open(Path(os.environ[FAILURES]), "a", encoding="utf-8") as file:
            file.write(f"job {job}: {error}\n")
        return None
    print(folder.path, flush=True)
    record = folder.record()
    assert record is not None
    measures = read_measures(record, config.study.measures)
    return measures[0] if len(measures) == 1 else measures
