"""`albert-lab reproduce STUDY [scale=...]`: runs a study of the paper and prints its table with the paper's."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.cli.run_arguments import terminal_width
from albert_lab.cli.train_jobs import take_force
from albert_lab.config.sources import Sources
from albert_lab.errors import UserError
from albert_lab.processes import child_environment
from albert_lab.runs.folder import tracking_uri
from albert_lab.storage.files import read_json

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    failed: list[str] = []
    run_app(lambda composed: failed.extend(reproduce(composed)), "reproduce", name_study(take_force(arguments)))
    return 1 if failed else 0


def name_study(arguments: Sequence[str]) -> list[str]:
    """The arguments with `STUDY` written as `study=STUDY`."""
    if {"-h", "--help"} & set(arguments):
        return list(arguments)
    words = [word for word in parse_arguments(arguments).overrides if "=" not in word]
    if len(words) != 1:
        studies = ", ".join(Sources().choices("study"))
        raise UserError(f"write albert-lab reproduce STUDY [KEY=VALUE...], STUDY being {studies} or one of your own")
    place = len(arguments) - 1 - list(reversed(arguments)).index(words[0])
    return [*arguments[:place], f"study={words[0]}", *arguments[place + 1 :]]


def reproduce(composed: Any) -> list[str]:
    """Runs, prints and saves; returns the reasons of what failed."""
    from albert_lab.cli.composed_study import ComposedStudy
    from albert_lab.runs.launch import folder_of
    from albert_lab.sweep.downstream import fine_tune_cells, list_tasks
    from albert_lab.sweep.grid import run_study

    composed_study = ComposedStudy(composed)
    folder_of(composed_study.compose_run([]))  # a mistake that all cells share ends the command at once
    Path(composed_study.config.paths.runs).mkdir(parents=True, exist_ok=True)  # the same for a folder that can't be
    outcome = run_study(composed_study.study, composed_study.compose_run, composed_study.config.study.jobs)
    tasks = list_tasks(*composed_study.downstream, outcome, composed_study.compose_downstream)
    jobs = composed_study.config.study.jobs
    downstream = fine_tune_cells(composed_study.study, tasks, outcome, composed_study.compose_downstream, jobs)
    report = composed_study.report(outcome, downstream)
    report.save(composed_study.folder)
    print(report.text(terminal_width()))
    if composed_study.config.tracking.mlflow:
        folders = [folder.path for folders in outcome.folders.values() for folder in folders]
        uri = tracking_uri(composed_study.config.tracking, composed_study.config.paths)
        description = f"{composed_study.study.question}\n\n{report.short_table().markdown()}"
        _show_in_mlflow(uri, composed_study.study.name, composed_study.folder, folders, description)
    log.info("table.md, table.csv and report.html are in %s", composed_study.folder)
    print(composed_study.folder)
    outcomes = [outcome, *downstream.values()]
    return [reason for each in outcomes for reasons in each.failures.values() for reason in reasons]


def _show_in_mlflow(uri: str, study: str, folder: Path, runs: Sequence[Path], description: str) -> None:
    """Completes the study's parent run: report, description, best cell, cells that another study ran."""
    state = folder / "mlflow.json"
    shown = (read_json(state) or {}).get("runs")
    if shown != [str(path) for path in runs]:
        command = [sys.executable, "-m", "albert_lab.train.tracking.study", uri, study, str(folder), *map(str, runs)]
        text = description.encode()
        subprocess.run(command, check=False, stdout=sys.stderr, env=child_environment(), input=text)
