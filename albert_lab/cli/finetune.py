"""`albert-lab finetune checkpoint=RUN task=TASK|suite=SUITE`: trains a model on a task, or on a suite, over seeds."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from albert_lab.cli.composed_suite import ComposedSuite
from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.cli.run_arguments import terminal_width
from albert_lab.cli.train_jobs import take_force, train, train_jobs
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import FinetuneConfig
from albert_lab.processes import adopt_children

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    """Exit code 0 when every run is finished, else 1; a single run's mistake is the user's."""
    if parse_arguments(take_force(arguments)).multirun:
        return train_jobs("finetune", arguments)
    adopt_children()
    failures: list[str] = []
    run_app(partial(finetune, failures), "finetune", take_force(arguments))
    return 1 if failures else 0


def finetune(failures: list[str], composed: Any) -> None:
    """One run, or those of a suite or of several seeds with their report; adds the reasons of what failed."""
    config = from_hydra(composed, FinetuneConfig)
    if config.suite.name is None and config.finetune.seeds == 1:
        train("finetune", composed)
        return
    from albert_lab.sweep.suite import run_suite

    suite = ComposedSuite(config)
    outcome = run_suite(suite.suite, suite.seeds, suite.compose_run, config.finetune.jobs)
    report = suite.report(outcome)
    report.save(suite.folder)
    print(report.text(terminal_width()))
    for task, reasons in outcome.failures.items():
        for reason in reasons:
            log.error("failed: %s %s", task, reason)
    log.info("table.md, table.csv and report.html are in %s", suite.folder)
    print(suite.folder)
    failures += [reason for reasons in outcome.failures.values() for reason in reasons]
