"""`albert-lab report`: a table and a page of what has run, from MLflow; with `study=table4`, its table so far."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.run_arguments import terminal_width
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import EstimateConfig, PathsConfig, TrackingConfig
from albert_lab.runs.folder import check_runs_exist, tracking_uri
from albert_lab.storage.files import write_text

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    run_app(report, "report", arguments)
    return 0


def report(composed: Any) -> None:
    config = from_hydra(composed, EstimateConfig)
    if config.study.name is None and not config.study.axes:
        _report_runs(config.tracking, config.paths)
    else:
        _report_study(composed)


def _report_runs(tracking: TrackingConfig, paths: PathsConfig) -> None:
    from albert_lab.cost.runs import cost_of_run
    from albert_lab.report.frames import add_costs, from_mlflow
    from albert_lab.report.runs_report import RunsReport

    check_runs_exist(tracking, paths)
    frame = from_mlflow(tracking_uri(tracking, paths), tracking.experiment)
    runs = RunsReport(add_costs(frame, cost_of_run))
    page = Path(paths.runs).absolute() / "report.html"
    write_text(page, runs.html())
    write_text(page.with_suffix(".csv"), runs.csv())
    print(runs.text(terminal_width()))
    log.info("every figure is in report.html and report.csv")
    print(page)


def _report_study(composed: Any) -> None:
    from albert_lab.cli.composed_study import ComposedStudy
    from albert_lab.sweep.downstream import find_fine_tuned, list_tasks
    from albert_lab.sweep.grid import find_finished

    composed_study = ComposedStudy(composed)
    outcome = find_finished(composed_study.study, composed_study.compose_run)
    tasks = list_tasks(*composed_study.downstream, outcome, composed_study.compose_downstream)
    downstream = find_fine_tuned(composed_study.study, tasks, outcome, composed_study.compose_downstream)
    found = composed_study.report(outcome, downstream)
    found.save(composed_study.folder)
    print(found.text(terminal_width()))
    print(composed_study.folder)
