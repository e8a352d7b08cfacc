"""`albert-lab finetune checkpoint=RUN task=TASK|suite=SUITE`: trains a model on a task, or on a suite, over seeds."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_lab.cli.composed_suite import OF_MANY_RUNS, ComposedSuite
from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.cli.run_arguments import terminal_width
from albert_lab.cli.train_jobs import take_force, train, train_jobs
from albert_lab.config.compose import from_hydra
from albert_lab.config.overrides import quote_path
from albert_lab.config.plain import flatten
from albert_lab.config.ranges import check_numbers
from albert_lab.config.schema import FinetuneConfig
from albert_lab.errors import UserError
from albert_lab.processes import adopt_children
from albert_lab.runs.metrics import metrics_from_plain
from albert_lab.storage.hub import pretrained_folder

if TYPE_CHECKING:
    from albert_lab.runs.folder import RunFolder
    from albert_lab.sweep.suite import SuiteOutcome

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    """Exit code 0 when every run is finished, else 1; a single run's mistake is the user's."""
    further = take_force(arguments)
    given = parse_arguments(further)
    if given.multirun:
        for word in given.overrides:
            if word.startswith(OF_MANY_RUNS):
                raise UserError(
                    f"--multirun runs one task a job, and {word} several by itself: leave --multirun out, "
                    "or sweep task= and train.seed="
                )
        return train_jobs("finetune", arguments)
    adopt_children()
    failures: list[str] = []
    run_app(partial(finetune, failures), "finetune", further)
    return 1 if failures else 0


def finetune(failures: list[str], composed: Any) -> None:
    """One run, or those of a suite or of several seeds with their report; adds the reasons of what failed."""
    config = from_hydra(composed, FinetuneConfig)
    repeat = config.finetune
    if config.suite.name is None and repeat.seeds == 1 and repeat.against is None and not repeat.submission:
        train("finetune", composed)
        return
    if config.checkpoint is None:
        raise UserError("finetune needs checkpoint=RUN: a run's folder, or another checkpoint's")
    check_numbers(flatten(repeat, "finetune."))
    for checkpoint in (config.checkpoint, *([repeat.against] if repeat.against else [])):
        pretrained_folder(checkpoint, ["config.json"])  # a mistake that all runs share ends the command at once
    from albert_lab.sweep.suite import run_suite

    suite = ComposedSuite(config)
    outcomes = [run_suite(suite.suite, suite.seeds, suite.compose_run, repeat.jobs)]
    if repeat.against is not None:
        start = f"checkpoint={quote_path(Path(repeat.against))}"
        outcomes.append(run_suite(suite.suite, suite.seeds, suite.compose_run, repeat.jobs, start))
    report = suite.report(outcomes[0], outcomes[1] if repeat.against else None)
    report.save(suite.folder)
    print(report.text(terminal_width()))
    for outcome in outcomes:
        failures += [f"{task} {reason}" for task, reasons in outcome.failures.items() for reason in reasons]
    for reason in failures:
        log.error("failed: %s", reason)
    if repeat.submission:
        write_glue_submission(outcomes[0], config.data_root, suite.folder / "submission.zip")
    log.info("table.md, table.csv and report.html are in %s", suite.folder)
    print(suite.folder)


def write_glue_submission(outcome: "SuiteOutcome", data_root: str | None, file: Path) -> None:
    """Answers GLUE's test sets, each task by its seed with the best held-out figure, and says what is missing."""
    from albert_lab.scoring.submission import write_submission
    from albert_lab.train.light_imports import import_lightning

    import_lightning(compiler=False)
    from albert_lab.train.glue_answers import answer_glue

    best = {task: _find_best(folders).path for task, folders in outcome.folders.items() if folders}
    answers, missing = answer_glue(best, data_root)
    if not answers:
        raise UserError(f"finetune.submission=true: no test set can be answered; {missing[0]}")
    for problem in [*missing, *write_submission(file, answers)]:
        log.warning("submission.zip: %s", problem)
    log.info("%s answers %d of %d test sets", file.name, len(answers), len(answers) + len(missing))


def _find_best(folders: Sequence["RunFolder"]) -> "RunFolder":
    """The run with the best value of the metric that judges its task; of equal ones the first."""

    def rank(folder: "RunFolder") -> float:
        record = folder.record()
        assert record is not None
        metric = metrics_from_plain(record["metrics"])[0]
        value = float(record["validation"][metric.name])
        return value if metric.higher_is_better else -value

    return max(folders, key=rank)
