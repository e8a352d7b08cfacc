"""A study's report: every figure is a record's, every cell has its row, and the page loads nothing."""

import csv
import io
import re
from pathlib import Path

import pytest

from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.study_report import StudyReport
from tests.report.page_checks import Page, check_page
from tests.synthetic_runs import record, study, study_records

COUNTS = {
    "E=768 all": {
        "unique_with_projection": 31_110_000,
        "unique_as_built": 30_519_408,
        "applied": 108_000_000,
        "flops_per_token": 5.7e8,
    }
}
FAILED = "E=128 ffn"
MISSING = "E=128 none"


@pytest.fixture(scope="module")
def report() -> StudyReport:
    records = {name: items for name, items in study_records().items() if name not in (FAILED, MISSING)}
    failures = {FAILED: ["Traceback (most recent call last):\n  ...\nRuntimeError: out of memory | <host>\n"]}
    return StudyReport(study(), records, failures, COUNTS)


@pytest.fixture(scope="module")
def html(report: StudyReport) -> str:
    return report.html()


def test_markdown_has_a_row_a_cell_in_the_studys_order(report: StudyReport) -> None:
    rows = [
        line.split(" | ")[0].removeprefix("| ") for line in report.markdown().splitlines() if line.startswith("| E")
    ]
    run = ["E = H = 96, for the paper's 768", "E = 16, for the paper's 128"]
    schemes = ["all shared", "attention shared", "FFN shared", "not shared"]
    measured = [f"{size}; {scheme}" for size in run for scheme in schemes]
    measured[6:] = ["E = 128; FFN shared", "E = 128; not shared"]  # these two have no run
    assert rows == [cell.name for cell in study().cells] + measured


def test_exact_counts_stand_next_to_the_papers_rounded_ones(report: StudyReport) -> None:
    row = next(line for line in report.markdown().splitlines() if line.startswith("| E=768 all"))
    assert "| 31 M | 79.8 | 30,519,408 | 31,110,000 | 108,000,000 | 570 M |" in row


def test_failed_and_missing_cells_are_shown(report: StudyReport, html: str) -> None:
    assert "failed: RuntimeError: out of memory \\| <host>" in report.markdown()
    assert "failed: RuntimeError: out of memory | &lt;host&gt;" in html
    for text in (report.markdown(), html, report.text(), report.csv()):
        assert "failed: " in text
        assert "not run" in text


def test_a_cell_with_one_failed_seed_says_both() -> None:
    name = "E=768 all"
    report = StudyReport(study(), {name: [record("all", 96, 0)]}, {name: ["killed by signal 9"]}, {})
    assert report.rows[0].state == "1 seed; failed: killed by signal 9"


def test_csv_holds_the_records_figures_unrounded(report: StudyReport) -> None:
    rows = {row["cell"]: row for row in csv.DictReader(io.StringIO(report.csv()))}
    records = study_records()["E=768 none"]
    values = [item["validation"]["mlm_accuracy"] for item in records]
    row = rows["E=768 none"]
    assert float(row["validation/mlm_accuracy"]) == pytest.approx(sum(values) / 2, rel=1e-12)
    assert float(row["validation/mlm_accuracy spread"]) == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert row["validation/mlm_accuracy n"] == "2"
    assert float(row["parameters/unique"]) == records[0]["parameters"]["unique"]
    assert float(row["validation/sentence_accuracy low"]) < float(row["validation/sentence_accuracy"])
    assert rows[FAILED]["validation/mlm_accuracy"] == ""
    assert float(rows["E=768 all"]["counted/unique_as_built"]) == 30_519_408


def test_text_fits_a_terminal(report: StudyReport) -> None:
    table = report.short_table().text()
    assert max(map(len, table.splitlines())) <= 165
    assert study().caption in report.text()


def test_the_page_is_well_formed_and_loads_nothing(html: str) -> None:
    check_page(html)


def test_every_figure_has_a_title_and_says_its_figures_in_words(report: StudyReport, html: str) -> None:
    figures = [attributes for tag, attributes in Page(html).tags if tag == "svg"]
    assert len(figures) == 5
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in figures)
    assert len(re.findall(r"<svg[^>]*>\s*<title>[^<]+</title>", html)) == 5
    accuracy = report.rows[0].summary.mean("validation/mlm_accuracy")
    assert f"E = H = 96, all shared: {accuracy:.3f}" in str(figures[0]["aria-label"])


def test_a_figure_without_data_is_a_sentence() -> None:
    none = {"sentence_accuracy": None, "sentence_loss": None}
    name = "E=768 all"
    charts = StudyReport(study(), {name: [record("all", 96, 0, **none)]}, {}, {}).charts()
    assert [type(chart) for chart in charts] == [Chart, MissingChart, Chart, MissingChart, Chart, MissingChart]
    empty = StudyReport(study(), {}, {}, {})
    assert all(isinstance(chart, MissingChart) for chart in empty.charts())
    assert "<svg" not in empty.html()
    assert "Nothing has been measured yet." in empty.markdown()


def test_a_study_that_the_paper_does_not_have_reports_too() -> None:
    from dataclasses import replace

    report = StudyReport(replace(study(), name="mine"), study_records(), {}, {})
    assert all(line.printed is None for line in report.rows)
    assert "arXiv" not in report.markdown()


def test_notes_warn_of_models_that_are_barely_better_than_chance() -> None:
    name = "E=768 all"
    label = "E = H = 96, all shared"
    dull = StudyReport(study(), {name: [record("all", 96, 0, mlm_loss=6.8)]}, {}, {})
    keen = StudyReport(study(), {name: [record("all", 96, 0, mlm_loss=4.0)]}, {}, {})
    assert any("Barely better than chance" in note and "MLM loss" in note and label in note for note in dull.notes())
    assert not any("Barely better" in note and "MLM loss" in note for note in keen.notes())


def test_notes_warn_of_machines_that_differ() -> None:
    other = record("all", 96, 1)
    other["host"] = {**other["host"], "cpu": "Another CPU"}
    report = StudyReport(study(), {"E=768 all": [record("all", 96, 0), other]}, {}, {})
    assert any("Another CPU" in note and "can't be compared" in note for note in report.notes())


def test_saved_files_are_what_the_report_says(report: StudyReport, html: str, tmp_path: Path) -> None:
    report.save(tmp_path / "study")
    assert (tmp_path / "study" / "table.md").read_text("utf-8") == report.markdown()
    assert (tmp_path / "study" / "table.csv").read_text("utf-8") == report.csv()
    assert (tmp_path / "study" / "report.html").read_text("utf-8") == html
    assert len(list((tmp_path / "study").iterdir())) == 3


def test_the_answer_says_which_differences_are_larger_than_the_spread_and_which_are_not() -> None:
    larger, rest = StudyReport(study(), study_records(), {}, {}).answer
    assert "what is shared changes MLM accuracy" in larger
    assert "E = H = 96, for the paper's 768" in larger
    assert larger.endswith(".")
    assert rest.endswith(".")
    even = study_records()
    for records in even.values():
        for seed, item in enumerate(records):
            item["validation"]["mlm_accuracy"] = 0.1 + 0.01 * seed
    larger, rest = StudyReport(study(), even, {}, {}).answer
    assert larger.startswith("No difference in MLM accuracy is larger than the spread")
    assert "may be chance" in rest
    one = StudyReport(study(), study_records(seeds=(0,)), {}, {}).answer
    assert one[1] == "With one seed a cell, nothing says how much of that is chance."
    assert StudyReport(study(), {}, {}, {}).answer == ("Nothing has been measured yet.",)


def test_speeds_measured_under_another_load_are_marked() -> None:
    records = study_records()
    assert "was not recorded" in StudyReport(study(), records, {}, {}).footnotes()[0]
    for name, items in records.items():
        for item in items:
            item["speed"] |= {"others_mean": 0.6 if name == "E=768 ffn" else 0.1, "trainings_at_once": 1.0}
    report = StudyReport(study(), records, {}, {})
    assert [" †" in cell for cell in report.short_table().columns[8].cells] == [False, False, True, *[False] * 5]
    assert "E = H = 96, FFN shared: others took 60% of the processor's time" in report.footnotes()[0]


def test_curves_come_from_the_runs_folders(tmp_path: Path) -> None:
    records = {"E=768 all": [record("all", 96, 0) | {"folder": str(tmp_path)}]}
    assert isinstance(StudyReport(study(), records, {}, {}).curves()[0], MissingChart)
    lines = [f'{{"step": {step}, "metrics": {{"validation/mlm_accuracy": {step / 100}}}}}\n' for step in (1, 2, 3)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    assert "E = H = 96, all shared ends at 0.03000" in StudyReport(study(), records, {}, {}).curves()[0].alt
