"""Metrics come from declarations: a task that no file of the reports knows shows in frame, tables, plots and MLflow."""

from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from albert_lab.report.figures.chart import Chart
from albert_lab.report.figures.plots import (
    plot_learning_curves,
    plot_results_against_chance,
    plot_results_against_parameters,
)
from albert_lab.report.formatting import BLANK
from albert_lab.report.frames import from_mlflow, from_records
from albert_lab.report.metrics import format_average, format_axis, format_heading, judging_metrics, main_metrics
from albert_lab.report.mlflow_runs import MlflowRuns
from albert_lab.report.runs_report import RunsReport
from albert_lab.report.statistics import SeedAverage
from albert_lab.report.study_report import StudyReport
from albert_lab.report.summary import summarize
from albert_lab.runs.metrics import Metric, metrics_to_plain
from tests.synthetic_runs import Record, log_run, record, study

SURPRISE = Metric("word_surprise", "surprise at a word", "bits", higher_is_better=False, chance=11.25)
LUCK = Metric("luck", "luck", "share", higher_is_better=True, chance=0.2, counted_by="throws")


def throw_away(scheme: str = "all", embedding: int = 16, seed: int = 0) -> Record:
    """The record of a made-up task: a loss in a unit of its own judges it, and it has a share too."""
    item = record(scheme, embedding, seed)
    item |= {"task": "fortune", "metrics": metrics_to_plain((SURPRISE, LUCK))}
    item["training"] = {"steps": 400, "tokens": 812_345, "seconds": 45.5, "word_surprise": 9.0}
    item["validation"] = {"word_surprise": 8.125 + seed, "luck": 0.25, "throws": 400}
    return item


RECORDS = [throw_away(scheme, 16, seed) for scheme in ("all", "none") for seed in (0, 1)]


def test_a_frame_has_the_same_columns_of_a_new_task_from_records_and_from_mlflow(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    experiment = client.create_experiment("albert_lab", artifact_location=tmp_path.as_uri())
    for item in RECORDS[:1]:
        log_run(client, experiment, item, {})
    frame = from_mlflow(uri)
    pd.testing.assert_frame_equal(frame, from_records(RECORDS[:1]), check_dtype=False)
    assert frame["validation/word_surprise"].tolist() == [8.125]
    assert not [key for key in frame.columns if "mlm" in key or "sentence_" in key]
    curve = MlflowRuns(uri).history(RECORDS[0]["fingerprint"], "train/word_surprise")
    chart = plot_learning_curves({"all": ("all", curve)}, SURPRISE)
    assert isinstance(chart, Chart)
    assert chart.figure.axes[0].get_ylabel() == "surprise at a word (bits, lower is better)"


def test_the_table_of_runs_heads_a_new_metric_with_unit_and_direction() -> None:
    columns = {column.heading: column.cells for column in RunsReport(from_records(RECORDS[:2])).table().columns}
    assert columns["surprise at a word (bits) ↓"] == ("9.125", "8.125")
    assert columns["luck ↑"] == ("0.250", "0.250")


def test_runs_of_several_tasks_stand_in_one_table_with_blanks() -> None:
    report = RunsReport(from_records([record("all", 16, 0), throw_away("all", 16, 1)]))
    columns = {column.heading: column.cells for column in report.table().columns}
    assert columns["task"] == ("fortune", "pretraining")
    assert columns["surprise at a word (bits) ↓"] == ("9.125", BLANK)
    assert columns["MLM accuracy ↑"][0] == BLANK
    assert report.html().count("against parameters, at this scale") == 4  # a title and a caption each


def test_a_study_shows_a_new_metric_in_every_form() -> None:
    name = "E=768 all"
    report = StudyReport(study(), {name: [throw_away(seed=0), throw_away(seed=1)]}, {}, {})
    for table in (report.short_table(), report.measured_table()):
        columns = {column.heading: column.cells for column in table.columns}
        assert columns["surprise at a word (bits) ↓"][0] == "8.625 ± 0.707"
        assert "MLM accuracy ↑" not in columns
    assert "validation/word_surprise spread" in report.csv()
    assert "validation/luck low" in report.csv()


def test_a_cell_of_a_study_has_a_row_for_every_task_of_its_runs() -> None:
    name = "E=768 all"
    runs = [record("all", 96, 0), throw_away("all", 96, 0), throw_away("all", 96, 1)]
    report = StudyReport(study(), {name: runs}, {name: ["killed"]}, {})
    states = {row.name: row.state for row in report.rows[:2]}
    assert states == {f"{name}, pretraining": "1 seed; failed: killed", f"{name}, fortune": "2 seeds"}
    columns = {column.heading: column.cells for column in report.measured_table().columns}
    assert columns["MLM accuracy ↑"][:2] == (f"{runs[0]['validation']['mlm_accuracy']:.3f}", BLANK)
    assert columns["surprise at a word (bits) ↓"][:2] == (BLANK, "8.625 ± 0.707")


def test_plots_show_a_new_metric_with_unit_direction_and_chance() -> None:
    (chart,) = plot_results_against_parameters(summarize(from_records(RECORDS)))
    assert isinstance(chart, Chart)
    axes = chart.figure.axes[0]
    assert axes.get_ylabel() == "surprise at a word (bits, lower is better)"
    assert "Down and to the left is better" in chart.note
    assert [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--"] == [[11.25, 11.25]]
    (guessing,) = plot_results_against_chance(summarize(from_records(RECORDS)))
    assert guessing.title == "Luck against chance"


def test_a_runs_own_chance_level_is_the_one_that_counts() -> None:
    items = [throw_away("all"), throw_away("none")]
    items[1]["metrics"][0]["chance"] = 13.0
    (metric,) = judging_metrics(from_records(items).to_dict("records"))
    assert {s.scheme: s.chance(metric) for s in summarize(from_records(items))} == {"all": 11.25, "none": 13.0}


def test_seeds_of_another_task_never_enter_an_average() -> None:
    other = throw_away("all", 16, 2)
    other["config"] = {"train": other["config"]["train"]}  # a task without a model of ours
    frame = from_records([record("all", 16, 0), record("all", 16, 1), other])
    assert "fortune" in RunsReport(frame).html()
    assert {s.task: len(s.rows) for s in summarize(frame)} == {"fortune": 1, "pretraining": 2}


def test_a_narrow_table_leaves_out_losses_where_there_is_a_score() -> None:
    assert [metric.name for metric in main_metrics(from_records([record()]).to_dict("records"))] == [
        "mlm_accuracy",
        "sentence_accuracy",
    ]


@pytest.mark.parametrize(
    ("unit", "average", "expected"),
    [
        ("share", SeedAverage(0.312, 0.004, 2), "0.312 ± 0.004 (n=2)"),
        ("share", SeedAverage(0.312, 0.0002, 2), "0.312 ± <0.001 (n=2)"),
        ("nats", SeedAverage(0.312, None, 1), "0.312 (n=1)"),
        ("correlation", SeedAverage(0.31249, None, 1), "0.312 (n=1)"),
        ("points", SeedAverage(89.93, 0.214, 3), "89.93 ± 0.21 (n=3)"),
        ("share", None, "–"),
    ],
)
def test_values_are_printed_by_their_unit(unit: str, average: SeedAverage | None, expected: str) -> None:
    assert format_average(Metric("a", "a", unit, True), average) == expected


def test_a_metric_without_a_unit_is_headed_without_one() -> None:
    error = Metric("mean_squared_error", "mean squared error", "", False)
    assert format_heading(error) == "mean squared error ↓"
    assert format_axis(error) == "mean squared error (lower is better)"
    assert format_axis(Metric("matthews", "Matthews", "correlation", True)) == "Matthews (-1 to 1, higher is better)"
