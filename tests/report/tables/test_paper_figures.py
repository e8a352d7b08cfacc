"""The paper's figures as data: what was typed in must agree with what the paper derives from it."""

import pytest

from albert_lab.report.paper import INCONSISTENCIES, TABLES, PaperRow, find_row

ROWS = [(name, row) for name, rows in TABLES.items() for row in rows]
ALL_128 = {"model.embedding_size": 128, "sharing": "all"}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_average_is_the_mean_of_five_tasks_with_squad_as_the_mean_of_f1_and_em(name: str, row: PaperRow) -> None:
    tasks = (
        (row.squad1_f1 + row.squad1_em) / 2,
        (row.squad2_f1 + row.squad2_em) / 2,
        row.mnli,
        row.sst2,
        row.race,
    )
    assert row.average == pytest.approx(sum(tasks) / 5, abs=0.1)


def test_rows_that_both_tables_have_differ_only_where_the_paper_differs_from_itself() -> None:
    differing = {}
    for row in TABLES["table4"]:
        other = find_row("table3", row.axes)
        if other:
            changed = {key for key, value in vars(row).items() if value != vars(other)[key]}
            differing[(row.axes["model.embedding_size"], row.axes["sharing"])] = changed
    assert differing == {
        (768, "all"): set(),
        (768, "none"): set(),
        (128, "all"): {"mnli"},
        (128, "none"): {"mnli", "average"},
    }


def test_parameters_are_the_rounded_counts_of_the_backbone() -> None:
    """In millions: with pooler and projection where all is shared, without the pooler where nothing is."""
    counted = {
        ("all", 64): 9.68,
        ("all", 128): 11.68,
        ("all", 256): 15.69,
        ("all", 768): 31.11,
        ("none", 64): 87.06,
        ("none", 128): 89.06,
        ("none", 256): 93.06,
        ("none", 768): 108.49,
    }
    printed = {(r.axes["sharing"], r.axes["model.embedding_size"]): r.parameters for r in TABLES["table3"]}
    assert printed == {key: round(millions) * 10**6 for key, millions in counted.items()}


def test_a_row_is_found_by_its_axes_and_only_in_its_study() -> None:
    row = find_row("table4", {**ALL_128, "train.seed": 3})
    assert row is not None
    assert (row.parameters, row.average) == (12 * 10**6, 80.1)
    assert find_row("table5", ALL_128) is None
    assert find_row("table4", {"model.embedding_size": 64, "sharing": "all"}) is None


def test_every_table_names_its_inconsistencies() -> None:
    assert set(INCONSISTENCIES) == set(TABLES)
