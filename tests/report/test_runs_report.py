"""The plain table of runs, and labels and colours of plots."""

from albert_lab.report.figures.labels import label_points
from albert_lab.report.figures.style import assign_colours, make_axes
from albert_lab.report.frames import from_records
from albert_lab.report.runs_report import RunsReport, differing_settings
from tests.synthetic_runs import record


def test_only_settings_that_differ_are_columns_and_the_newest_run_is_first() -> None:
    frame = from_records([record("all", 16, 0), record("none", 16, 1)])
    assert differing_settings(frame) == ["sharing.scheme", "train.seed"]
    lines = RunsReport(frame).markdown().splitlines()
    assert "| run | started (UTC) | scheme | seed | parameters |" in lines[0]
    assert lines[2].startswith("| none E16 H96 L6 seed 1 | 2026-01-02 03:01 | none | 1 | 632 k |")
    assert lines[3].startswith("| all E16 H96 L6 seed 0 | 2026-01-02 03:00 | all | 0 | 132 k |")


def test_a_measure_that_no_run_has_is_no_column() -> None:
    frame = from_records([record("all", 16, 0, sentence_accuracy=None)])
    assert "sentence accuracy" not in RunsReport(frame).text()
    assert "sentence accuracy" in RunsReport(from_records([record("all", 16, 0)])).text()


def test_an_empty_table_still_prints() -> None:
    report = RunsReport(from_records([]))
    assert "run" in report.text()
    assert "<svg" not in report.html()


def test_the_page_of_runs_draws_them() -> None:
    page = RunsReport(from_records([record("all", 16, s) for s in (0, 1)])).html()
    assert page.count("<svg") == 4


def test_a_scheme_has_the_same_colour_whatever_else_is_drawn() -> None:
    assert assign_colours(["all"])["all"] == assign_colours(["mine", "none", "all"])["all"]
    colours = assign_colours(["all", "none", "attention", "ffn", "groups", "mine", "yours"])
    assert len(set(colours.values())) == 7


def test_labels_of_points_that_crowd_do_not_overlap() -> None:
    figure, axes = make_axes(4.0, "x", "y")
    points = [(1.0 + 0.01 * i, 1.0 + 0.01 * i) for i in range(8)]
    axes.plot(*zip(*points, strict=True), "o")
    axes.set(xlim=(0, 2), ylim=(0, 2))
    label_points(axes, points, [f"E={i} attention" for i in range(8)])
    figure.draw_without_rendering()
    boxes = [super(type(text), text).get_window_extent() for text in axes.texts]
    assert len(boxes) == 8
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_the_text_fits_the_terminal_and_the_csv_has_everything() -> None:
    frame = from_records([record(scheme, 16, seed) for scheme in ("all", "none") for seed in (0, 1)])
    lines = RunsReport(frame).text(100).splitlines()
    assert max(map(len, lines)) <= 100
    heading = " ".join(lines[: next(number for number, line in enumerate(lines) if line.startswith("---"))])
    assert all(word in heading for word in ("loss", "accuracy", "tokens/s", "time"))
    assert "memory_bytes/activations" in RunsReport(frame).csv().splitlines()[0]
