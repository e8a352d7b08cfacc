"""Tables of cost: parameters never without FLOPs and activations, blanks where a figure is missing."""

import csv
import io
from html import unescape

import pandas as pd
import pytest

from albert_lab.cost.runs import RUN_COSTS
from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.figures.plots import plot_predicted_memory
from albert_lab.report.formatting import BLANK
from albert_lab.report.frames import Row, add_costs, from_records
from albert_lab.report.runs_report import RunsReport
from albert_lab.report.study_report import StudyReport
from albert_lab.report.summary import PREDICTED_KINDS, summarize
from albert_lab.report.tables.cost_table import HEADING, NOTE, PAPER_SIZE_NOTE, make_cost_table, make_short_cost_table
from tests.synthetic_runs import record, study, study_records

MEMORY = {f"predicted_bytes/{kind}": 2e6 for kind in PREDICTED_KINDS} | {"predicted_bytes/peak": 1e7}
FIGURES = {
    **MEMORY,
    "wire_bytes/ddp": 3e6,
    "checkpoint_bytes/weights": 1e6,
    "checkpoint_bytes/with_optimizer": 5e6,
    "speed/flops_per_second": 4e10,
    "speed/share_of_peak": 0.25,
    "spent/kilowatt_hours": 1.5,
    "spent/dollars": 12.0,
}


def made_up_cost(row: Row) -> dict[str, float | None]:  # type: ignore[valid-type]
    """Known of runs that share everything alone."""
    known = row["sharing.scheme"] == "all"
    return {key: value if known else None for key, value in FIGURES.items()}


@pytest.fixture
def frame() -> pd.DataFrame:
    return add_costs(from_records([record(scheme, 16, 0) for scheme in ("all", "none")]), made_up_cost)


def test_the_figures_shown_are_those_that_cost_computes() -> None:
    assert set(FIGURES) == set(RUN_COSTS)


@pytest.mark.parametrize("make", [make_cost_table, make_short_cost_table])
def test_parameters_stand_next_to_flops_and_activations(make, frame: pd.DataFrame) -> None:
    headings = [column.heading for column in make(["a", "b"], summarize(frame)).columns]
    assert {"parameters", "applied", "FLOP/token", "activations", "checkpoint", "of peak", "kWh", "USD"} <= set(
        headings
    )


@pytest.mark.parametrize("make", [make_cost_table, make_short_cost_table])
def test_an_unknown_figure_is_blank_and_one_that_no_run_has_is_not_a_column(make, frame: pd.DataFrame) -> None:
    columns = {(c.group, c.heading): c.cells for c in make(["a", "b"], summarize(frame)).columns}
    assert columns["predicted", "activations"] == ("2.00 MB", BLANK)
    assert columns["measured", "of peak"] == ("25 %", BLANK)
    assert columns["counted", "applied"] == ("632 k", "632 k")
    none = make(["b"], summarize(frame[frame["sharing.scheme"] == "none"])).columns
    assert {column.group for column in none} == {"", "counted", "measured"}
    assert "of peak" not in {column.heading for column in none}


def test_the_page_and_the_csv_of_runs_have_their_costs(frame: pd.DataFrame) -> None:
    report = RunsReport(frame)
    assert "10.0 MB" in report.html()
    assert "predicted_bytes/peak" in report.csv()
    assert NOTE in unescape(report.html())
    plain = RunsReport(from_records([record("all", 16, 0)]))
    assert HEADING not in plain.html()


def test_no_runs_have_no_costs() -> None:
    report = RunsReport(add_costs(from_records([]), made_up_cost))
    assert HEADING not in report.html()


def test_a_study_shows_its_costs_in_every_form() -> None:
    report = StudyReport(study(), study_records(), {}, {}, made_up_cost)
    assert f"## {HEADING}, at scale tiny" in report.markdown()
    assert NOTE in report.notes()
    assert max(map(len, report.text(100).splitlines())) <= 100
    assert HEADING in report.text(100)
    rows = {row["cell"]: row for row in csv.DictReader(io.StringIO(report.csv()))}
    assert float(rows["E=768 all"]["predicted_bytes/peak"]) == 1e7
    assert rows["E=768 none"]["predicted_bytes/peak"] == ""
    assert rows["E=768 none"]["predicted_bytes/peak n"] == "0"
    assert f"<summary>{HEADING}</summary>" in report.html()
    without = StudyReport(study(), study_records(), {}, {})
    assert HEADING not in without.markdown() + without.text() + without.html()


def test_what_the_paper_size_costs_is_shown_as_far_as_it_is_known() -> None:
    counts = {"E=768 all": {"state_bytes": 5e8, "activation_bytes_per_sequence": 2e8, "ddp_bytes": 2e8, "hours": None}}
    report = StudyReport(study(), {}, {}, counts)
    assert PAPER_SIZE_NOTE in report.notes()
    assert PAPER_SIZE_NOTE not in StudyReport(study(), {}, {}, {}).notes()
    columns = {column.heading: column.cells for column in report.paper_table().columns}
    assert columns["activations of a sequence"][:2] == ("200 MB", BLANK)
    assert not {"time", "kWh", "USD", "checkpoint"} & set(columns)


def test_the_chart_of_predicted_memory_says_its_figures_in_words(frame: pd.DataFrame) -> None:
    chart = plot_predicted_memory(summarize(frame))
    assert isinstance(chart, Chart)
    assert chart.alt.count("2.00 MB") == len(PREDICTED_KINDS)
    assert "none" not in chart.alt
    assert isinstance(plot_predicted_memory(summarize(from_records([record()]))), MissingChart)
