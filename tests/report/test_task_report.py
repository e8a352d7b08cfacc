"""A task's report: every figure is a run's, every seed is there, and what the page shows is escaped."""

import csv
import io
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.report.tables.seed_tables import count_classes
from albert_lab.report.tables.worst_table import LONGEST_TEXT, make_worst_table, shorten_text
from albert_lab.report.task_report import TaskReport
from albert_lab.report.task_runs import TaskRuns
from albert_lab.scoring.predictions import Prediction, read_predictions, write_predictions
from albert_lab.storage.files import write_json, write_text
from tests.report.page_checks import check_page
from tests.synthetic_runs import finetuned_run

LABELS = ("no", "yes")
NASTY = "<script>alert('1')</script> & \x1b[31m $x^2$ \u202e [SEP] second <b>text</b>"


def classified(right: int, of: int = 20, text: str = "a text") -> list[Prediction]:
    """Half of the examples are `yes`; the first `right` are answered rightly, the others not."""
    answers = []
    for number in range(of):
        gold, other = (LABELS[number % 2], LABELS[1 - number % 2])
        answer = gold if number < right else other
        scores = dict.fromkeys(LABELS, 0.2) | {answer: 0.8}
        answers.append(Prediction(f"dev-{number}", gold, answer, scores, 0.1 + number, f"{text} {number}"))
    return answers


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> TaskReport:
    """Three seeds with 18, 10 (chance) and 14 of 20 right, and one that failed."""
    runs = tmp_path_factory.mktemp("runs")
    folders = [
        finetuned_run(runs, "mine", seed, classified(right, text=NASTY), ["accuracy", "f1"], LABELS)
        for seed, right in enumerate((18, 10, 14))
    ]
    write_text(folders[0].path / "left_out.jsonl", '{"file": "a.tsv", "line": 3, "reason": "no <label>"}\n')
    return TaskReport.of("mine", "tiny", folders, ["seed 3: out of memory <here>"])


def test_the_median_is_told_with_range_chance_interval_and_what_went_wrong(report: TaskReport) -> None:
    answer = " ".join(report.answer)
    assert "Median accuracy over 3 seeds: 0.700, from 0.500 to 0.900; guessing gets 0.500." in answer
    assert "On 20 examples, the 95 % interval of seed 2 is 0.481 to 0.855." in answer  # Wilson, 14 of 20
    assert "Collapsed, no better than guessing: 1 of 3 (seed 1)." in answer
    assert "Failed: seed 3: out of memory <here>" in answer
    notes = " ".join(report.notes())
    assert "Trained on 1,000 examples, judged by 20 examples." in notes
    assert "best of 2 validations on these same examples" in notes
    assert "1 malformed row was left out." in notes


def test_every_seed_has_a_row_and_each_figure_its_own_median(report: TaskReport) -> None:
    columns = {column.heading: column for column in report.tables()["Seeds"].columns}
    assert columns["accuracy ↑"].cells == ("0.900", "0.500", "0.700", "0.700", "0.500", "0.900")
    f1s = [float(cell) for cell in columns["F1 ↑"].cells]
    assert f1s[3:] == [statistics.median(f1s[:3]), min(f1s[:3]), max(f1s[:3])]
    assert columns["weights of step"].cells[:3] == ("20", "20", "20")


def test_csv_has_the_records_figures_unrounded(report: TaskReport) -> None:
    rows = list(csv.DictReader(io.StringIO(report.csv())))
    assert [row["seed"] for row in rows] == ["0", "1", "2", ""]
    for row, run in zip(rows, report.runs.seeds, strict=False):
        assert float(row["f1"]) == run.record["validation"]["f1"]
        assert row["collapsed"] == str(run.seed == 1)
    assert rows[3]["failure"] == "seed 3: out of memory <here>"


def test_the_page_escapes_what_it_shows_and_loads_nothing(report: TaskReport) -> None:
    html = report.html()
    check_page(html)
    assert "<script" not in html
    assert "<b>text" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp;" in html
    assert "a.tsv:3: no &lt;label&gt;" in html


def test_the_matrix_is_that_of_the_median_seed(report: TaskReport) -> None:
    (chart,) = report.pictures()
    assert "seed 2, the median" in chart.note  # type: ignore[union-attr]
    assert "yes answered as no: 3" in chart.alt  # type: ignore[union-attr]
    assert "no answered as no: 7" in chart.alt  # type: ignore[union-attr]


def test_worst_examples_are_those_of_the_largest_loss(report: TaskReport) -> None:
    table = make_worst_table(report.runs.seeds[1].predictions)
    assert table is not None
    assert [row[0] for row in table.rows] == [f"dev-{number}" for number in range(19, -1, -1)]
    assert table.rows[0][1:6] == ("19.100", "yes", "no", "0.200", "0.800")


def test_learning_curves_have_a_line_a_seed(report: TaskReport) -> None:
    held_out, training = report.curves()
    assert "seed 0: 0.9 at step 20; seed 1: 0.5 at step 20" in held_out.alt  # type: ignore[union-attr]
    assert "seed 2: 0.05 at step 20" in training.alt  # type: ignore[union-attr]


def test_text_fits_a_terminal(report: TaskReport) -> None:
    assert max(map(len, report.text(60).splitlines())) <= 60


def test_chance_is_that_of_the_examples_that_judged(tmp_path: Path) -> None:
    """The record's may be of more examples, of which fewer are of one class."""
    folder = finetuned_run(tmp_path, "mine", 0, classified(14), ["accuracy"], LABELS)
    lines = [
        each for each in read_predictions(folder.predictions / "dev.jsonl") if each.gold == "yes" or each.id < "dev-2"
    ]
    write_predictions(folder.predictions / "dev.jsonl", lines)
    (run,) = TaskRuns.read("mine", [folder]).seeds
    assert run.metrics[0].chance == 0.5
    assert run.judge.chance == 10 / len(lines)


def test_one_answer_to_everything_is_a_collapse(tmp_path: Path) -> None:
    answers = [Prediction(str(n), "yes" if n < 12 else "no", "yes", dict.fromkeys(LABELS, 0.5)) for n in range(20)]
    folder = finetuned_run(tmp_path, "mine", 0, answers, ["accuracy"], LABELS)
    record = json.loads(folder.result.read_text())
    record["metrics"][0]["chance"] = 0.5
    write_json(folder.result, record)
    assert TaskRuns.read("mine", [folder]).collapsed


def test_answers_of_one_class_alone_still_have_a_report(tmp_path: Path) -> None:
    folder = finetuned_run(tmp_path, "mine", 0, classified(14), ["f1", "accuracy"], LABELS)
    answers = [Prediction(str(n), "yes", "yes", {}, 0.1) for n in range(3)]
    write_predictions(folder.predictions / "dev.jsonl", answers)
    report = TaskReport.of("mine", "", [folder])
    check_page(report.html())
    assert report.runs.collapsed


def test_one_seed_is_told_as_one(tmp_path: Path) -> None:
    folder = finetuned_run(tmp_path, "mine", 4, classified(14), ["accuracy"], LABELS, keep="last")
    report = TaskReport.of("mine", "tiny", [folder])
    answer = " ".join(report.answer)
    assert answer.startswith("Accuracy of one seed: 0.700; guessing gets 0.500.")
    assert "One seed says nothing of the spread" in answer
    assert report.tables()["Seeds"].columns[0].cells == ("seed 4",)
    assert "best of" not in " ".join(report.notes())
    assert report.tables()["Seeds"].columns[-1].cells == ("30",)


def test_a_task_whose_runs_all_failed_still_has_a_report(tmp_path: Path) -> None:
    report = TaskReport.of("mine", "tiny", [], ["boom", "boom"])
    assert report.answer == ["No run has finished: all 2 failed.", "Failed: boom", "Failed: boom"]
    check_page(report.html())
    report.save(tmp_path)
    assert (tmp_path / "mine.html").exists()
    assert report.csv().count("boom") == 2


def test_answers_that_were_deleted_cost_their_tables_alone(tmp_path: Path) -> None:
    folder = finetuned_run(tmp_path, "mine", 0, classified(14), ["accuracy"], LABELS)
    (folder.predictions / "dev.jsonl").unlink()
    folder.metrics.unlink()
    report = TaskReport.of("mine", "", [folder])
    assert list(report.tables()) == ["Seeds"]
    check_page(report.html())


def make_report(tmp_path: Path, names: Sequence[str], *seeds: list[Prediction]) -> TaskReport:
    folders = [finetuned_run(tmp_path, "mine", number, each, names) for number, each in enumerate(seeds)]
    return TaskReport.of("mine", "tiny", folders)


def test_numbers_are_drawn_against_the_right_ones(tmp_path: Path) -> None:
    answers = [Prediction(str(n), float(n), n + 0.5, loss=0.25, text="a [SEP] b") for n in range(5)]
    report = make_report(tmp_path, ["pearson", "spearman"], answers)
    (chart,) = report.pictures()
    assert chart.alt == "5 examples; answers from 0.500 to 4.50; off by 0.500 on average"  # type: ignore[union-attr]
    check_page(report.html())
    assert "Pearson of one seed: 1.000; guessing gets 0.000." in " ".join(report.answer)


def test_a_picture_of_many_numbers_stays_small(tmp_path: Path) -> None:
    answers = [Prediction(str(n), n / 1000, n / 1001, {}, 0.1) for n in range(9000)]
    (chart,) = make_report(tmp_path, ["pearson"], answers).pictures()
    assert "A point every 5 examples" in chart.note  # type: ignore[union-attr]
    assert chart.svg().count("<use") < 2100  # type: ignore[union-attr]


def test_questions_with_and_without_an_answer_are_told_apart(tmp_path: Path) -> None:
    answers = [
        Prediction("a", ["red", "red wine"], "red wine", {"null": 0.1, "best": 2.0}, 0.1, "What?"),
        Prediction("b", ["blue sky"], "sky", {"null": 0.1, "best": 2.0}, 0.5, "Which?"),
        Prediction("c", [], "", {"null": 3.0, "best": 2.0}, 0.2, "Who?"),
        Prediction("d", [], "someone", {"null": 3.0, "best": 2.0}, 3.2, "Who else?"),
    ]
    report = TaskReport.of(
        "mine",
        "tiny",
        [finetuned_run(tmp_path, "mine", 0, answers, ["answer_f1", "exact_match"], null_threshold=-1.25)],
    )
    table = report.tables()["Questions with and without an answer, of seed 0"]
    assert table.rows == [
        ("with an answer", "2", "0", "0.500", "0.833"),
        ("without one", "2", "1", "0.500", "0.500"),
        ("all", "4", "1", "0.500", "0.667"),
    ]
    headings = {column.heading: column.cells for column in report.tables()["Seeds"].columns}
    assert headings["null threshold"] == ("-1.250",)
    assert "threshold was chosen on these same questions" in " ".join(report.notes())
    html = report.html()
    check_page(html)
    assert "red | red wine" in html
    assert "(none)" in html


def test_entities_are_counted_by_type_and_words_shown_with_their_tags(tmp_path: Path) -> None:
    gold = ["B-PER", "I-PER", "O", "B-LOC"]
    answers = [
        Prediction("a", gold, gold, {}, 0.1, "Ada Lovelace in London"),
        Prediction("b", gold, ["B-PER", "O", "O", "B-LOC"], {}, 0.9, "Mary Shelley in Bath"),
    ]
    report = make_report(tmp_path, ["entity_f1"], answers)
    assert count_classes(report.runs.seeds[0]) == {"LOC": (2, 2, 2), "PER": (1, 2, 2)}
    worst = make_worst_table(answers)
    assert worst is not None
    assert worst.rows[0][:4] == ("b", "0.900", "Shelley/I-PER", "Shelley/O")
    check_page(report.html())


def test_parts_that_are_scored_apart_have_their_columns(tmp_path: Path) -> None:
    answers = [
        Prediction(str(n), "A", "A" if n < 3 else "B", {"A": 0.5, "B": 0.5}, 0.7, "q", "high" if n % 2 else "middle")
        for n in range(4)
    ]
    headings = {
        column.heading: column.cells
        for column in make_report(tmp_path, ["accuracy"], answers).tables()["Seeds"].columns
    }
    assert headings["middle accuracy ↑"] == ("1.000",)
    assert headings["high accuracy ↑"] == ("0.500",)


def test_a_choice_is_shown_with_its_words() -> None:
    scores = {"A": 0.2, "B": 0.8}
    table = make_worst_table([Prediction("1", "A", "B", scores, 1.6, "They skate. [A] On ice. [B] On [sic] sand.")])
    assert table is not None
    assert table.rows[0][2:4] == ("A: On ice.", "B: On [sic] sand.")


def test_label_sets_are_counted_label_by_label(tmp_path: Path) -> None:
    answers = [
        Prediction("a", ["x", "y"], ["x"], {"x": 0.9, "y": 0.4}, 0.4),
        Prediction("b", [], ["y"], {"x": 0.1, "y": 0.6}, 0.8),
    ]
    report = make_report(tmp_path, ["micro_f1"], answers)
    assert count_classes(report.runs.seeds[0]) == {"x": (1, 1, 1), "y": (0, 1, 1)}
    assert report.pictures() == []
    check_page(report.html())


def test_a_matrix_of_many_classes_puts_the_rare_ones_together(tmp_path: Path) -> None:
    answers = [Prediction(str(n), f"class {n % 40}", "class 1", {}, 1.0) for n in range(200)]
    (chart,) = make_report(tmp_path, ["accuracy"], answers).pictures()
    assert "all others answered as class 1" in chart.alt  # type: ignore[union-attr]
    assert chart.svg()  # type: ignore[union-attr]


def test_the_middle_seed_of_an_even_number_is_the_lower_one(tmp_path: Path) -> None:
    runs = [
        finetuned_run(tmp_path, "mine", n, classified(r), ["accuracy"], LABELS) for n, r in enumerate((18, 12, 20, 14))
    ]
    middle = TaskRuns.read("mine", runs).middle
    assert middle is not None
    assert middle.seed == 3


def test_a_further_split_does_not_stand_in_for_the_main_one(tmp_path: Path) -> None:
    folder = finetuned_run(tmp_path, "mine", 0, classified(14), ["accuracy"], LABELS)
    write_text(folder.predictions / "test.jsonl", "")
    assert TaskRuns.read("mine", [folder]).seeds[0].main_split == "dev"


@given(st.text(max_size=80), st.integers(10, 300))
def test_a_shown_text_is_one_printable_line_of_bounded_length(text: str, longest: int) -> None:
    shown = shorten_text(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest + 3 * text.count(" [SEP] ")


def test_a_long_text_is_cut_in_the_middle() -> None:
    assert shorten_text("0123456789", 9) == "0123…6789"
    assert shorten_text("0123456789", 10) == "0123456789"


def test_both_texts_of_a_long_pair_are_shown() -> None:
    shown = shorten_text(f"{'first ' * 100} [SEP] {'second ' * 100}", LONGEST_TEXT)
    assert shown.count("first") > 20
    assert shown.count("second") > 15
    assert len(shown) <= LONGEST_TEXT + 3
