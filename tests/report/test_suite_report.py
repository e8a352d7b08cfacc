"""A suite's report: medians beside the paper's figures, and in words what is missing, failed, collapsed or partial."""

import csv
import io
from pathlib import Path

import pytest

from albert_lab.config.schema import SuiteConfig
from albert_lab.report.paper import BENCHMARK_TABLES, EXAMPLES, BenchmarkTable, find_benchmark_table
from albert_lab.report.suite_report import SuiteReport
from albert_lab.report.tables.suite_tables import format_figures
from albert_lab.scoring.predictions import Prediction
from tests.report.page_checks import check_page
from tests.report.test_task_report import LABELS, classified
from tests.synthetic_runs import finetuned_run

GLUE = ["mnli", "qnli", "qqp", "rte", "sst2", "mrpc", "cola", "stsb", "wnli"]


def race(right: int) -> list[Prediction]:
    return [
        Prediction(
            str(n), "A", "A" if n < right else "B", {"A": 0.5, "B": 0.5}, 0.7, "q", "high" if n % 2 else "middle"
        )
        for n in range(10)
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> SuiteReport:
    """MNLI in part with three seeds, one of them collapsed; RTE with one seed and a failure; the rest not run."""
    runs = tmp_path_factory.mktemp("runs")
    mnli = [
        finetuned_run(runs, "mnli", seed, classified(right), ["accuracy"], LABELS, examples=8999)
        for seed, right in enumerate((18, 10, 14))
    ]
    rte = [finetuned_run(runs, "rte", 0, classified(12), ["accuracy"], LABELS, examples=2490, samples=277)]
    suite = SuiteConfig("glue", "GLUE", GLUE, "mnli", ["rte", "mrpc", "stsb"])
    failures = {"rte": ["seed 1: mnli, which it starts from, failed"], "wnli": ["seed 0: <no files>"]}
    return SuiteReport(suite, "tiny", {"mnli": mnli, "rte": rte}, failures)


def rows(report: SuiteReport, heading: str) -> dict[str, tuple[str, ...]]:
    table = next(table for name, table in report.tables().items() if name.startswith(heading))
    return {row[0]: row[1:] for row in table.rows}


def test_medians_stand_above_the_papers_rows_in_its_units(report: SuiteReport) -> None:
    found = rows(report, "Beside the paper's Table 9")
    assert found["this model, median of seeds"] == ("70.0", "–", "–", "60.0", "–", "–", "–", "–", "–", "–")
    assert found["this model, lowest seed"][:4] == ("50.0", "–", "–", "–")  # one seed has no range
    assert found["this model, highest seed"][0] == "90.0"
    assert found["ALBERT (1.5M)"] == ("90.8", "95.3", "92.2", "89.2", "96.9", "90.9", "71.4", "93.0", "–", "–")


def test_every_task_has_a_row_that_says_what_became_of_it(report: SuiteReport) -> None:
    found = rows(report, "Tasks")
    assert list(found) == GLUE
    assert found["mnli"] == (
        "accuracy ↑", "0.700", "0.500", "0.900", "0.500", "8,999", "20", "3 seeds, 1 of them collapsed",
    )  # fmt: skip
    assert found["rte"][-1] == "1 seed; 1 failed"
    assert found["wnli"][-1] == "failed"
    assert found["cola"] == ("–", "–", "–", "–", "–", "–", "–", "not run")


def test_what_is_wrong_is_told_in_words(report: SuiteReport) -> None:
    answer, notes = " ".join(report.answer), report.notes()
    assert "2 of 9 tasks have finished runs." in answer
    assert "Seeds that collapsed, no better than guessing: mnli 1 of 3." in answer
    assert "Runs that failed: rte 1, wnli 1." in answer
    assert "not comparable with the paper: mnli." in answer  # RTE is whole
    trained = (
        "mnli: Trained on 8,999 of the benchmark's 392,702 examples, judged by 20 of the benchmark's 9,815 examples."
    )
    assert trained in notes
    assert "wnli: Failed: seed 0: <no files>" in notes
    assert "rte, mrpc, stsb: from the mnli model of the same seed." in notes


def test_saved_files_are_what_the_report_says_and_load_nothing(report: SuiteReport, tmp_path: Path) -> None:
    report.save(tmp_path)
    pages = [f"{task}.html" for task in GLUE]
    assert {path.name for path in tmp_path.iterdir()} == {"table.md", "table.csv", "report.html", *pages}
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    check_page(html, pages)
    assert "&lt;no files&gt;" in html
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == report.markdown()
    check_page((tmp_path / "cola.html").read_text(encoding="utf-8"))


def test_csv_has_a_row_a_seed(report: SuiteReport) -> None:
    table = list(csv.DictReader(io.StringIO(report.csv())))
    assert [(row["task"], row["seed"]) for row in table] == [
        ("mnli", "0"), ("mnli", "1"), ("mnli", "2"), ("rte", "0"), ("rte", ""), ("wnli", ""),
    ]  # fmt: skip
    assert [float(row["accuracy"]) for row in table[:4]] == [0.9, 0.5, 0.7, 0.6]


def test_text_says_the_same_in_a_terminal(report: SuiteReport) -> None:
    text = report.text(100)
    assert "mnli 1 of 3" in text
    assert max(map(len, text.splitlines())) <= 100


def test_reading_tasks_are_printed_as_in_table_10(tmp_path: Path) -> None:
    answers = [
        Prediction("a", ["red wine"], "red wine", {}, 0.1),
        Prediction("b", ["blue sky"], "sky", {}, 0.5),
    ]
    squad = [finetuned_run(tmp_path, "squad1", 0, answers, ["answer_f1", "exact_match"])]
    runs = {"squad1": squad, "race": [finetuned_run(tmp_path, "race", 0, race(7), ["accuracy"])]}
    report = SuiteReport(SuiteConfig("reading", "Reading", ["squad1", "squad2", "race"]), "tiny", runs, {})
    found = rows(report, "Beside the paper's Table 10")
    assert found["this model, one seed"] == ("83.3/50.0", "–", "70.0 (80.0/60.0)")
    assert found["ALBERT (1.5M)"] == ("94.8/89.3", "90.2/87.4", "86.5 (89.0/85.5)")
    middle = [each for each in race(7) if each.group == "middle"]
    runs["race"] = [finetuned_run(tmp_path / "middle", "race", 0, middle, ["accuracy"])]
    report = SuiteReport(report.suite, "tiny", runs, {})
    assert rows(report, "Beside the paper's Table 10")["this model, one seed"][2] == "80.0"


def test_the_average_is_given_only_where_every_task_is_there(tmp_path: Path) -> None:
    runs = {task: [finetuned_run(tmp_path, task, 0, classified(14), ["accuracy"], LABELS)] for task in ("mnli", "sst2")}
    answers = [Prediction("a", ["red wine"], "wine", {}, 0.1)]
    for task in ("squad1", "squad2"):
        runs[task] = [finetuned_run(tmp_path, task, 0, answers, ["answer_f1", "exact_match"])]
    suite = SuiteConfig("paper", "Ablations", ["squad1", "squad2", "mnli", "sst2", "race"])
    assert rows(SuiteReport(suite, "tiny", runs, {}), "Beside the paper's Table 2")["this model, one seed"][-1] == "–"
    runs["race"] = [finetuned_run(tmp_path, "race", 0, race(7), ["accuracy"])]
    found = rows(SuiteReport(suite, "tiny", runs, {}), "Beside the paper's Table 2")
    assert found["this model, one seed"][-1] == "55.3"  # (33.3 + 33.3 + 70 + 70 + 70) / 5
    assert found["ALBERT base"][-1] == "80.1"


def test_a_task_that_the_paper_lacks_has_no_table_beside_it(tmp_path: Path) -> None:
    run = finetuned_run(tmp_path, "mine", 0, classified(14), ["accuracy"], LABELS)
    report = SuiteReport(SuiteConfig("mine", "mine: 1 seeds", ["mine"]), "tiny", {"mine": [run]}, {})
    assert list(report.tables()) == ["Tasks"]
    assert "Accuracy of one seed: 0.700" in report.answer[0]


@pytest.mark.parametrize("table", BENCHMARK_TABLES, ids=lambda table: table.title)
def test_every_printed_figure_has_its_column(table: BenchmarkTable) -> None:
    lengths = {column.task: len(column.figures) for column in table.columns}
    for row in table.rows.values():
        assert all(len(figures) == lengths[task] for task, figures in row.items())
    assert set(lengths) <= set(EXAMPLES)


def test_table_2s_averages_are_the_mean_of_five_tasks() -> None:
    table = next(table for table in BENCHMARK_TABLES if table.title == "Table 2")
    assert table.averages is not None
    for name, row in table.rows.items():
        mean = sum(sum(figures) / len(figures) for figures in row.values()) / len(row)
        assert table.averages[name] == pytest.approx(mean, abs=0.1)


def test_the_table_with_most_of_the_tasks_is_chosen() -> None:
    def title(*tasks: str) -> str | None:
        table = find_benchmark_table(tasks)
        return table.title if table else None

    assert title(*GLUE) == "Table 9"
    assert title("race") == "Table 10"
    assert title("squad1", "squad2", "mnli", "sst2", "race") == "Table 2"
    assert title("mine") is None


def test_figures_are_printed_as_the_paper_prints_them() -> None:
    printed = [format_figures(figures) for figures in ((90.84,), (94.8, 89.3), (86.5, 89.0, 85.5), None)]
    assert printed == ["90.8", "94.8/89.3", "86.5 (89.0/85.5)", "–"]


def test_two_checkpoints_are_compared_task_by_task(tmp_path: Path) -> None:
    """The same runs differ by nothing; a far better one is clearly better; what can't be compared says why."""
    good, bad, short = classified(190, of=200), classified(110, of=200), classified(10, of=20)
    suite = SuiteConfig("mine", "Mine", ["same", "better", "other", "missing"])

    def report(source: str, *answers: list[Prediction]) -> SuiteReport:
        tasks = zip(suite.tasks, answers, strict=False)
        folders = {
            task: [finetuned_run(tmp_path / source, task, n, each, ["accuracy"], LABELS) for n in (0, 1)]
            for task, each in tasks
        }
        return SuiteReport(suite, source, folders, {})

    old = report("old", bad, bad, short)
    new = SuiteReport(**{**vars(report("new", bad, good, bad)), "against": old})
    found = rows(new, "Against old")
    assert found["same"] == (
        "accuracy ↑",
        "200",
        "0.550 (n=2)",
        "0.550 (n=2)",
        "+0.0 (95 % 0.0 to 0.0)",
        "may be chance",
    )
    assert found["better"][4].startswith("+40.0 (95 % 3")
    assert found["better"][5] == "better"
    assert "other examples" in found["other"][4]
    assert found["missing"][4:] == ("no run to compare", "–")
    assert "A: old; B: new." in " ".join(new.notes())
    assert "+40.0 (95 %" in new.text(120)
    check_page(new.html(), [f"{task}.html" for task in suite.tasks])
