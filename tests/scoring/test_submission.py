"""A submission that we write passes the checker; one mistake anywhere doesn't."""

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from albert_lab.errors import UserError
from albert_lab.scoring import submission
from albert_lab.scoring.predictions import Prediction
from albert_lab.scoring.submission import SHEETS, check_submission, write_submission

OFFICIAL_ROWS = {  # of the test sets, Wang et al. 2019, Table 1, and their files
    "CoLA": 1063, "SST-2": 1821, "MRPC": 1725, "STS-B": 1379, "QQP": 390_965, "MNLI-m": 9796, "MNLI-mm": 9847,
    "QNLI": 5463, "RTE": 3000, "WNLI": 146, "AX": 1104,
}  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test sets of a few rows."""
    few = {task: sheet._replace(rows=3 + number) for number, (task, sheet) in enumerate(SHEETS.items())}
    monkeypatch.setattr(submission, "SHEETS", few)


def random_answers() -> dict[str, list[Prediction]]:
    draw = random.Random(0)
    return {
        task: [
            Prediction(f"{task}-{number}", None, draw.choice(sheet.labels) if sheet.labels else draw.uniform(-1, 6))
            for number in range(sheet.rows)
        ]
        for task, sheet in submission.SHEETS.items()
    }


def rewrite(file: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Changes the texts of the files in a zip."""
    with zipfile.ZipFile(file) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    change(texts)
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)


def test_sheets_are_those_of_the_official_test_sets() -> None:
    assert {task: sheet.rows for task, sheet in SHEETS.items()} == OFFICIAL_ROWS


def test_a_submission_of_the_official_size_passes(tmp_path: Path) -> None:
    answers = {
        task: [Prediction("any", None, sheet.labels[0] if sheet.labels else 2.5)] * sheet.rows
        for task, sheet in SHEETS.items()
    }
    assert write_submission(tmp_path / "glue.zip", answers) == []


@pytest.mark.usefixtures("small")
def test_a_submission_holds_the_answers_by_index(tmp_path: Path) -> None:
    answers = random_answers()
    answers["STS-B"][:3] = [Prediction("a", None, -0.4), Prediction("b", None, 5.0001), Prediction("c", None, 2.00049)]
    assert write_submission(tmp_path / "glue.zip", answers) == []
    with zipfile.ZipFile(tmp_path / "glue.zip") as archive:
        assert sorted(archive.namelist()) == sorted(f"{task}.tsv" for task in OFFICIAL_ROWS)
        scores = archive.read("STS-B.tsv").decode().split("\n")
        labels = archive.read("MNLI-mm.tsv").decode().split("\n")
    assert scores[:4] == ["index\tprediction", "0\t0.000", "1\t5.000", "2\t2.000"]
    expected = [f"{number}\t{answer.prediction}" for number, answer in enumerate(answers["MNLI-mm"])]
    assert labels == ["index\tprediction", *expected, ""]


@pytest.mark.usefixtures("small")
def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_submission(tmp_path / name, random_answers())
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.usefixtures("small")
def test_missing_tasks_are_told(tmp_path: Path) -> None:
    answers = random_answers()
    del answers["AX"], answers["QQP"]
    answers["RTE"].pop()
    rows = submission.SHEETS["RTE"].rows
    assert write_submission(tmp_path / "glue.zip", answers) == [
        "QQP.tsv is missing",
        f"RTE.tsv: it has {rows - 1} rows, but the test set has {rows}",
        "AX.tsv is missing",
    ]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("CoLA.tsv", "index\tprediction", "id\tlabel", "CoLA.tsv: its first line is 'id\\tlabel', not"),
        ("CoLA.tsv", "0\t", "7\t", "CoLA.tsv: line 2: its index is '7', not 0"),
        ("CoLA.tsv", "\n1\t", "\n1,", "CoLA.tsv: line 3: its index is '1,"),
        ("RTE.tsv", "entailment\n", "neutral\n", "neutral' is not entailment or not_entailment"),
        ("STS-B.tsv", "\n2\t", "\n2\tnan", "is not a number from 0 to 5"),
        ("STS-B.tsv", "\n2\t", "\n2\t9", "is not a number from 0 to 5"),
        ("MNLI-m.tsv", "\n", "\r\n", "MNLI-m.tsv: its first line is 'index\\tprediction\\r'"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, name: str, old: str, new: str, problem: str) -> None:
    file = tmp_path / "glue.zip"
    write_submission(file, random_answers())
    rewrite(file, lambda texts: texts.update({name: texts[name].replace(old, new)}))
    problems = check_submission(file)
    assert len(problems) <= 6  # five of the file, and how many more there are
    assert any(problem in each for each in problems), problems


@pytest.mark.usefixtures("small")
def test_a_file_too_many_is_told(tmp_path: Path) -> None:
    file = tmp_path / "glue.zip"
    write_submission(file, random_answers())
    rewrite(file, lambda texts: texts.update({"SNLI.tsv": ""}))
    assert check_submission(file) == ["SNLI.tsv is not a file of a GLUE submission"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("task", "answer", "message"),
    [
        ("MNLI", "neutral", "'MNLI' is not a task of GLUE; did you mean 'MNLI-m"),
        ("QNLI", "1", "QNLI: the answer to example x is '1'"),
        ("STS-B", float("nan"), "which is no number"),
    ],
)
def test_answers_that_cannot_be_written_leave_no_file(
    tmp_path: Path, task: str, answer: str | float, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write_submission(tmp_path / "glue.zip", {task: [Prediction("x", None, answer)]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_damaged_files_are_told(tmp_path: Path) -> None:
    file = tmp_path / "glue.zip"
    write_submission(file, random_answers())
    content = bytearray(file.read_bytes())
    content[45] ^= 0xFF  # within the first member's data
    file.write_bytes(content)
    assert check_submission(file) == ["CoLA.tsv: it is damaged"]
    file.write_bytes(content[:50])
    with pytest.raises(UserError, match="not a zip file"):
        check_submission(file)


@pytest.mark.usefixtures("small")
def test_the_command_says_what_is_wrong_and_ends_with_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "glue.zip"
    write_submission(file, random_answers())
    assert submission.main([str(file)]) == 0
    assert capsys.readouterr().out == "complete\n"
    rewrite(file, lambda texts: texts.__delitem__("RTE.tsv"))
    assert submission.main([str(file)]) == 1
    assert capsys.readouterr().out == f"{file}: RTE.tsv is missing\n"
    file.write_text("no zip")
    assert submission.main([str(file)]) == 2
    assert "is not a zip file" in capsys.readouterr().err
