"""Tables in a terminal: headings are wrapped first, then the columns of least importance go."""

from albert_lab.report.tables.table import Column, Table

TABLE = Table(
    (
        Column("run", ("all", "none"), number=False),
        Column("MLM accuracy", ("0.1", "0.2")),
        Column("time", ("1 s", "2 s"), rank=1),
        Column("parameters", ("1 k", "2 k"), rank=2),
    )
)


def test_a_wide_terminal_shows_all_on_one_line_each() -> None:
    assert TABLE.text(100) == TABLE.text()
    assert len(TABLE.text().splitlines()) == 4


def test_headings_are_wrapped_before_columns_go() -> None:
    text = TABLE.text(32)
    assert [len(line) <= 32 for line in text.splitlines()] == [True] * 5
    assert "parameters" in text


def test_the_column_of_the_highest_rank_goes_first_and_those_without_stay() -> None:
    assert "parameters" not in TABLE.text(24)
    assert "time" in TABLE.text(24)
    assert "time" not in TABLE.text(1)
    assert "accuracy" in TABLE.text(1)
