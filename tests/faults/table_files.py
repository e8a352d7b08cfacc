"""Labelled data: users' tables of every file type, and GLUE's own files."""

import csv
import json
from pathlib import Path

from albert_lab.config.training import BadRows, TaskConfig, TaskFiles, TaskKind
from albert_lab.data.tasks.glue import Glue
from albert_lab.data.tasks.table import Table
from albert_lab.errors import UserError
from tests.faults.kind import Kind
from tests.faults.mutations import ANY_BYTES, change_json, change_json_line

ROWS = [
    {"text": 'He said "no", twice.', "pair": "Line\u2028or\x85two.", "label": "a", "words": ["He", "ran"]},
    {"text": "Ünïcode \U0001f600.", "pair": "Yes.", "label": "b", "words": ["O", "\u00a0"]},
] * 4
LINES = (*[change_json_line] * 10, *ANY_BYTES)


def write_tables(folder: Path) -> None:
    from pyarrow import Table as ArrowTable
    from pyarrow import parquet

    columns = ["text", "pair", "label"]
    with open(folder / "table.csv", "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(ROWS)
    lines = ["\t".join(columns), *("\t".join(str(row[name]) for name in columns) for row in ROWS)]
    (folder / "table.tsv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "table.json").write_text(json.dumps(ROWS))
    parquet.write_table(ArrowTable.from_pylist(ROWS), folder / "table.parquet", compression="none")


def read_tables(folder: Path) -> None:
    """Malformed rows are left out, so that the reader gets to the end of what can be read at all."""
    for kind in (TaskKind.single_label, TaskKind.multi_label, TaskKind.regression, TaskKind.tokens):
        for file in sorted(folder.glob("table.*")):
            files = TaskFiles(train=str(file))
            task = TaskConfig(data="table", files=files, kind=kind, bad_rows=BadRows.leave_out)
            table = Table(task, None, folder / "cache")
            refused: UserError | None = None
            for split in ("train", "dev"):
                try:
                    examples = table.load(split)
                    assert all(row.text if hasattr(row, "text") else row.words for row in examples.rows)
                except UserError as error:
                    refused = error
            if refused and kind is TaskKind.single_label:
                raise refused


def write_glue(folder: Path) -> None:
    for name in ("CoLA", "STS-B"):
        (folder / name).mkdir()
    cola = 'gj04\t1\t\tIt "works.\ngj04\t0\t*\tWorks it.\n'
    for split in ("train", "dev"):
        (folder / f"CoLA/{split}.tsv").write_text(cola * 3)
        (folder / f"STS-B/{split}.tsv").write_text("sentence1\tsentence2\tscore\nOne.\tTwo.\t4.5\nA.\tB.\t0\n")


def read_glue(folder: Path) -> None:
    for name, kind in (("cola", TaskKind.single_label), ("stsb", TaskKind.regression)):
        task = Glue(TaskConfig(name=name, data="glue", kind=kind), str(folder), folder / "cache")
        for split in ("train", "dev"):
            assert all(row.text for row in task.load(split).rows)


TABLE_FILES = (
    Kind(
        "tables",
        write_tables,
        {
            "table.csv": ANY_BYTES,
            "table.tsv": ANY_BYTES,
            "table.jsonl": LINES,
            "table.json": (change_json, *ANY_BYTES),
            "table.parquet": ANY_BYTES,
        },
        read_tables,
    ),
    Kind("glue", write_glue, {"*/*.tsv": ANY_BYTES}, read_glue),
)
