"""The zip file that GLUE's leaderboard takes (gluebenchmark.com, "Submit"): written, and checked before it is sent.

A file per task, `index<TAB>prediction`: the number of the test example from 0, in the order of `test.tsv`, and the
answer. Classes are names where the data names them (entailment), else 0 and 1; STS-B is a number from 0 to 5.

    python -m albert_lab.scoring.submission FILE.zip    # checks one
"""

import io
import math
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from albert_lab.errors import UserError, nearest
from albert_lab.scoring.predictions import Prediction
from albert_lab.storage.files import read_bytes, write_bytes

HEADER = "index\tprediction"
_MNLI = ("entailment", "neutral", "contradiction")
_PAIR = ("entailment", "not_entailment")
_BINARY = ("0", "1")
_SCORE = ()  # a number
_LOWEST, _HIGHEST = 0.0, 5.0  # of STS-B
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # a fixed time, so that the same answers give the same bytes
_MOST_PROBLEMS = 5  # told of one file
_MOST_BYTES = 64 * 2**20  # of one file; QQP's has 4 MB


class Sheet(NamedTuple):
    """One file of a submission."""

    rows: int  # examples of the official test set
    labels: tuple[str, ...]  # what a prediction may be; none: a number


SHEETS = {
    "CoLA": Sheet(1063, _BINARY),
    "SST-2": Sheet(1821, _BINARY),
    "MRPC": Sheet(1725, _BINARY),
    "STS-B": Sheet(1379, _SCORE),
    "QQP": Sheet(390_965, _BINARY),
    "MNLI-m": Sheet(9796, _MNLI),
    "MNLI-mm": Sheet(9847, _MNLI),
    "QNLI": Sheet(5463, _PAIR),
    "RTE": Sheet(3000, _PAIR),
    "WNLI": Sheet(146, _BINARY),
    "AX": Sheet(1104, _MNLI),
}


def write_submission(file: Path, answers: Mapping[str, Sequence[Prediction]]) -> list[str]:
    """Writes the zip of some or all tasks, whole or not at all; returns what the leaderboard would refuse.

    Args:
        file: replaced if it is there.
        answers: by the names of `SHEETS`, the answers to the test set in the order of its rows.

    Raises:
        UserError: a task isn't one of GLUE's, or an answer isn't one of its labels.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for task, predictions in answers.items():
            if task not in SHEETS:
                raise UserError(f"{task!r} is not a task of GLUE{nearest(task, SHEETS)}")
            rows = [f"{number}\t{_format(task, prediction)}" for number, prediction in enumerate(predictions)]
            member = zipfile.ZipInfo(f"{task}.tsv", _EARLIEST)
            archive.writestr(member, "\n".join([HEADER, *rows]) + "\n", zipfile.ZIP_DEFLATED)
    write_bytes(file, content.getvalue())
    return check_submission(file)


def _format(task: str, prediction: Prediction) -> str:
    labels, answer = SHEETS[task].labels, prediction.prediction
    if not labels:
        if not math.isfinite(answer):
            raise UserError(f"{task}: the answer to example {prediction.id} is {answer}, which is no number")
        return f"{min(max(answer, _LOWEST), _HIGHEST):.3f}"
    if answer not in labels:
        raise UserError(f"{task}: the answer to example {prediction.id} is {answer!r}{nearest(str(answer), labels)}")
    return str(answer)


def check_submission(file: Path) -> list[str]:
    """What is wrong with a submission or missing from it, a line each; nothing: it is complete.

    Raises: UserError where the file can't be read or is no zip.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(read_bytes(file)))
    except zipfile.BadZipFile as error:
        raise UserError(f"{file} is not a zip file: {error}") from None
    with archive:
        names = archive.namelist()
        known = {f"{task}.tsv" for task in SHEETS}
        problems = [f"{name} is not a file of a GLUE submission" for name in names if name not in known]
        problems += [
            f"{name} is in it {names.count(name)} times" for name in dict.fromkeys(names) if names.count(name) > 1
        ]
        for task, sheet in SHEETS.items():
            name = f"{task}.tsv"
            if name not in names:
                problems.append(f"{name} is missing")
                continue
            found = _check_sheet(_read_member(archive, name), sheet)
            problems += [f"{name}: {problem}" for problem in found[:_MOST_PROBLEMS]]
            if len(found) > _MOST_PROBLEMS:
                problems.append(f"{name}: {len(found) - _MOST_PROBLEMS} more problems")
    return problems


def _read_member(archive: zipfile.ZipFile, name: str) -> str | None:
    """None: damaged, or encrypted, or far larger than any answers are."""
    try:
        return archive.read(name).decode("utf-8") if archive.getinfo(name).file_size < _MOST_BYTES else None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError):
        return None


def _check_sheet(text: str | None, sheet: Sheet) -> list[str]:
    if text is None:
        return ["it is damaged"]
    header, *rows = text.removesuffix("\n").split("\n")
    problems = [] if header == HEADER else [f"its first line is {header!r}, not {HEADER!r}"]
    if len(rows) != sheet.rows:
        problems.append(f"it has {len(rows):,} rows, but the test set has {sheet.rows:,}")
    for number, row in enumerate(rows):
        index, _, answer = row.partition("\t")
        if index != str(number):
            problems.append(f"line {number + 2}: its index is {index!r}, not {number}")
        elif not _is_answer(answer, sheet):
            wanted = " or ".join(sheet.labels) or f"a number from {_LOWEST:g} to {_HIGHEST:g}"
            problems.append(f"line {number + 2}: {answer!r} is not {wanted}")
    return problems


def _is_answer(answer: str, sheet: Sheet) -> bool:
    if sheet.labels:
        return answer in sheet.labels
    try:
        return _LOWEST <= float(answer) <= _HIGHEST
    except ValueError:
        return False


def main(files: Sequence[str]) -> int:
    """Prints what is wrong with each file. Exit codes: 0 all are complete, 1 one isn't, 2 one can't be read."""
    problems = []
    for file in files:
        try:
            problems += [f"{file}: {problem}" for problem in check_submission(Path(file))]
        except UserError as error:
            print(error, file=sys.stderr)
            return 2
    print("\n".join(problems) or "complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
