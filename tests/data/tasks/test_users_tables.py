"""A user's own table: every file type gives the same rows, and what is wrong with one is said with file and line."""

import csv
import gzip
import io
import json
import logging
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from albert_lab.config.training import BadRows, TaskConfig, TaskFiles, TaskKind
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.data.tasks.examples import BadRow, ChoiceExample, TextExample, TokenExample
from albert_lab.data.tasks.table import Table, sort_labels
from albert_lab.errors import UserError
from tests.lab import compose_verb

Record = dict[str, Any]
ROWS: list[Record] = [
    {"nr": "a", "say": "Good, very.", "more": "Yes.", "topic": "plus"},
    {"nr": "b", "say": 'A "bad" one.', "more": "No.", "topic": "minus"},
    {"nr": "c", "say": "Fine\u2028or\x85not.", "more": "Why?", "topic": "plus"},
]


def to_csv(records: list[Record]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue().encode()


def to_tsv(records: list[Record]) -> bytes:
    lines = ["\t".join(records[0]), *("\t".join(record.values()) for record in records)]
    return "\n".join(lines).encode()


def to_jsonl(records: list[Record]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def to_json(records: list[Record]) -> bytes:
    return json.dumps(records).encode()


def to_parquet(records: list[Record]) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(records), stream)
    return stream.getvalue()


WRITERS: dict[str, Callable[[list[Record]], bytes]] = {
    ".csv": to_csv, ".tsv": to_tsv, ".jsonl": to_jsonl, ".json": to_json, ".parquet": to_parquet,
}  # fmt: skip
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.ZstdCompressor().compress,
}  # fmt: skip


def table(train: Path | str | None, dev: Path | str | None = None, **settings: Any) -> Table:
    files = TaskFiles(*(None if file is None else str(file) for file in (train, dev)))
    settings = {"text": "say", "label": "topic"} | settings
    return Table(TaskConfig(name="mine", data="table", files=files, **settings), None, Path("cache"))


def write(folder: Path, name: str, content: bytes | str) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("kind", WRITERS)
def test_every_file_type_gives_the_same_rows(kind: str, packed: str, tmp_path: Path) -> None:
    file = write(tmp_path, f"train{kind}{packed}", PACKERS[packed](WRITERS[kind](ROWS)))
    benchmark = table(file, file, pair="more", id="nr")
    assert benchmark.label_names == ("minus", "plus")
    expected = [TextExample(row["nr"], row["say"], row["more"], row["topic"] == "plus") for row in ROWS]
    assert benchmark.load("train").rows == benchmark.load("dev").rows == expected
    assert benchmark.metrics[0] == "accuracy"
    assert benchmark.head == "classification"


TEXTS = st.text(st.characters(exclude_characters="\x00", codec="utf-8")).map(lambda text: f"x{text}")


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_csv_holds_any_text_and_loses_none(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Commas, quotes and line ends in fields, as Python's `csv` writes them."""
    file = write(tmp_path_factory.mktemp("csv"), "t.csv", to_csv([{"say": text, "nr": "1"} for text in texts]))
    assert [one_end(row.text) for row in table(None).read(file).rows] == [one_end(text) for text in texts]


def one_end(text: str) -> str:
    """Line ends within a quoted field: any number of \\r before \\n, as a file has them, are one."""
    while "\r\n" in text:
        text = text.replace("\r\n", "\n")
    return text


def test_a_byte_order_mark_and_carriage_returns_are_no_text(tmp_path: Path) -> None:
    expected = [TextExample("0", "One.", label=0), TextExample("1", "Two.", label=1)]
    for kind, separator in ((".csv", ","), (".tsv", "\t")):
        lines = [separator.join(fields) for fields in (("say", "topic"), ("One.", "a"), ("Two.", "b"), ("",))]
        file = write(tmp_path, f"windows{kind}", "\ufeff" + "\r\n".join(lines) + "\r\n")
        assert table(file, file).load("train").rows == expected
    file = write(
        tmp_path,
        "windows.json",
        b"\xef\xbb\xbf" + to_json([{"say": "One.", "topic": "a"}, {"say": "Two.", "topic": "b"}]),
    )
    assert table(file, file).load("train").rows == expected


def test_quotes_in_tsv_are_characters(tmp_path: Path) -> None:
    file = write(tmp_path, "t.tsv", 'say\ttopic\n"Open.\ta\nClosed"\tb\n""\ta\n')
    assert [row.text for row in table(file, file).load("train").rows] == ['"Open.', 'Closed"', '""']


MULTI = TaskKind.multi_label
KINDS: dict[str, tuple[TaskKind, list[Any], tuple[str, ...], list[Any]]] = {
    # name -> kind, what the column holds, label names, labels of the rows
    "numbers in number order": (TaskKind.single_label, [10, 9, 2], ("2", "9", "10"), [2, 1, 0]),
    "truth values": (TaskKind.single_label, [True, False], ("false", "true"), [1, 0]),
    "whole floats": (TaskKind.single_label, [1.0, 0.0], ("0", "1"), [1, 0]),
    "lists": (MULTI, [["b", "a"], [], ["b"]], ("a", "b"), [(0, 1), (), (1,)]),
    "joined": (MULTI, ["b|a", "", "b"], ("a", "b"), [(0, 1), (), (1,)]),
    "regression": (TaskKind.regression, [1, "2.5", -3e2], (), [1.0, 2.5, -300.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_labels_of_every_kind(name: str, tmp_path: Path) -> None:
    kind, values, label_names, labels = KINDS[name]
    file = write(tmp_path, "t.jsonl", to_jsonl([{"say": "A", "topic": value} for value in values]))
    benchmark = table(file, file, kind=kind)
    assert benchmark.label_names == label_names
    assert [row.label for row in benchmark.load("dev").rows] == labels


def test_words_and_tags(tmp_path: Path) -> None:
    records = [
        {"say": ["Ann", "ran"], "topic": ["B-PER", "O"]},
        {"say": ["In", "Rome\u00a0now"], "topic": ["O", "B-LOC"]},
    ]
    as_text = [{key: " ".join(value) for key, value in record.items()} for record in records]
    expected = [TokenExample("0", ("Ann", "ran"), (1, 2)), TokenExample("1", ("In", "Rome\u00a0now"), (2, 0))]
    for kind in (".jsonl", ".parquet", ".csv"):
        file = write(tmp_path, f"t{kind}", WRITERS[kind](as_text if kind == ".csv" else records))
        benchmark = table(file, file, kind=TaskKind.tokens)
        assert benchmark.label_names == ("B-LOC", "B-PER", "O")
        assert benchmark.load("train").rows == expected
        assert benchmark.metrics[0] == "entity_f1"
    file = write(tmp_path, "pos.jsonl", to_jsonl([{"say": ["Ann", "ran"], "topic": ["NOUN", "VERB"]}]))
    assert table(file, file, kind=TaskKind.tokens).metrics == ("token_accuracy",)


def test_choices_in_columns_or_in_a_list(tmp_path: Path) -> None:
    rows = [{"say": "He", "A": "ran.", "B": "sat.", "topic": label} for label in ("B", "0", "A")]
    file = write(tmp_path, "t.csv", to_csv(rows))
    benchmark = table(file, file, kind=TaskKind.choice, choices=["A", "B"])
    assert benchmark.load("train").rows[0] == ChoiceExample("0", "He", ("ran.", "sat."), 1)
    assert [row.label for row in benchmark.load("train").rows] == [1, 0, 0]
    assert benchmark.label_names == ()
    file = write(tmp_path, "t.jsonl", to_jsonl([{"say": "He", "q": "did", "ends": ["run.", "sit."], "topic": 1}]))
    benchmark = table(file, file, kind=TaskKind.choice, choices=["ends"], pair="q")
    assert benchmark.load("train").rows == [ChoiceExample("0", "He", ("did run.", "did sit."), 1)]


BAD: dict[str, tuple[str, str, dict[str, Any], str]] = {  # case -> file, its third line, settings, what is said
    "too few fields": ("t.csv", "alone", {}, "1 field, but the file has 2 columns"),
    "too many fields": ("t.csv", "a,b,c", {}, "3 fields, but the file has 2 columns"),
    "blank": ("t.csv", "", {}, "the line is blank"),
    "empty text": ("t.csv", " ,x", {}, "say is empty"),
    "no label": ("t.csv", "a,", {}, "topic is empty"),
    "after a quote": ("t.csv", '"a"b,x', {}, "not CSV: ',' expected after '\"'"),
    "lone carriage return": ("t.csv", "a\rb,x", {}, "not CSV: new-line character"),
    "broken json": ("t.jsonl", '{"say": "a", "topic"', {}, "not JSON"),
    "no object": ("t.jsonl", "[1, 2]", {}, "a JSON list, not an object"),
    "lacking": ("t.jsonl", '{"say": "a"}', {}, "lacks 'topic'; it has say"),
    "null": ("t.jsonl", '{"say": "a", "topic": null}', {}, "topic is null, not one label"),
    "list": ("t.jsonl", '{"say": "a", "topic": ["x"]}', {}, "topic is a list; task.kind=multi_label"),
    "mixed": ("t.jsonl", '{"say": "a", "topic": 1}', {}, "topic '1' is a number, but the file's first label is a text"),
    "fraction": ("t.jsonl", '{"say": "a", "topic": 1.5}', {}, "topic is 1.5, not a label; task.kind=regression"),
    "text of numbers": ("t.jsonl", '{"say": 3, "topic": "x"}', {}, "say is a number, not a text"),
    "half a pair": ("t.jsonl", '{"say": "\\ud800", "topic": "x"}', {}, "say has half of a surrogate pair"),
    "two dimensions": ("t.jsonl", '{"say": "a", "topic": [["x"]]}', {"kind": MULTI}, "topic is a list, not one label"),
    "twice": ("t.jsonl", '{"say": "a", "topic": ["x", "x"]}', {"kind": MULTI}, "topic has a label twice"),
    "no number": ("t.csv", "a,good", {"kind": TaskKind.regression}, "topic 'good' is not a number"),
    "nan": ("t.csv", "a,nan", {"kind": TaskKind.regression}, "topic is nan"),
    "huge": ("t.csv", "a,1e999", {"kind": TaskKind.regression}, "topic is inf"),
    "lengths": ("t.csv", "a b,x", {"kind": TaskKind.tokens}, "2 words, but 1 labels"),
    "fewer choices": (
        "t.jsonl", '{"say": ["a"], "text": "a", "topic": 0}',
        {"kind": TaskKind.choice, "choices": ["say"], "text": "text"}, "say has 1 choices",
    ),
    "beyond": (
        "t.jsonl", '{"say": ["a", "b"], "text": "a", "topic": 2}',
        {"kind": TaskKind.choice, "choices": ["say"], "text": "text"}, "topic '2' is none of the 2 choices",
    ),
}  # fmt: skip
GOOD = {  # what the first and the last record are
    TaskKind.single_label: '{"say": "a", "topic": "x"}', TaskKind.multi_label: '{"say": "a", "topic": ["x", "y"]}',
    TaskKind.choice: '{"say": ["a", "b"], "text": "a", "topic": 1}',
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_row_is_refused_or_listed(case: str, tmp_path: Path) -> None:
    name, line, settings, message = BAD[case]
    kind = settings.get("kind", TaskKind.single_label)
    if name == "t.csv":
        label = "1" if kind is TaskKind.regression else "x"
        lines = ["say,topic", f"a,{label}", line, f"b,{'2' if label == '1' else 'y'}", ""]
        place, good = 3, 2
    else:
        last = GOOD[kind].replace('"x", "y"', '"y"').replace('"x"', '"y"')
        lines, place, good = [GOOD[kind], line, last, ""], 2, 2
    file = write(tmp_path, name, "\n".join(lines))
    with pytest.raises(UserError) as raised:
        table(file, file, **settings).load("train")
    assert f"{file}:{place}: {message}" in str(raised.value)
    benchmark = table(file, file, bad_rows=BadRows.leave_out, **settings)
    examples = benchmark.load("train")
    assert len(examples.rows) == good
    assert [(bad.file, bad.line) for bad in examples.left_out] == [(str(file), place)]
    assert examples.left_out[0].reason.startswith(message)
    assert [row.id for row in examples.rows] == ["0", "2"]  # the number among all records


def test_a_label_that_training_lacks_is_malformed(tmp_path: Path) -> None:
    train = write(tmp_path, "train.csv", "say,topic\na,plus\nb,minus\n")
    dev = write(tmp_path, "dev.csv", "say,topic\na,plus\nb,pluss\n")
    with pytest.raises(UserError, match=r"dev.csv:3: topic 'pluss' is no known label; did you mean 'plus'"):
        table(train, dev).load("dev")
    examples = table(train, dev, bad_rows=BadRows.leave_out).load("dev")
    assert [row.label for row in examples.rows] == [1]
    assert len(examples.left_out) == 1


def test_an_id_names_one_row(tmp_path: Path) -> None:
    file = write(tmp_path, "t.csv", "nr,say,topic\n7,a,x\n8,b,y\n7,c,y\n")
    with pytest.raises(UserError, match=r":4: nr '7' is that of line 2 too"):
        table(file, file, id="nr").load("train")
    examples = table(file, file, id="nr", bad_rows=BadRows.leave_out).load("train")
    assert [row.id for row in examples.rows] == ["7", "8"]
    assert examples.left_out == (BadRow(str(file), 4, "nr '7' is that of line 2 too"),)


def test_a_quote_that_is_never_closed_ends_the_run_whatever_is_allowed(tmp_path: Path) -> None:
    """What it swallows can't be counted, so it can't be listed either."""
    for rest in ("b,y\n" * 5, 'b,"y"\n'):
        file = write(tmp_path, "t.csv", f'say,topic\n"a,x\n{rest}')
        with pytest.raises(UserError, match=r"t.csv:2: a quote opens here"):
            table(file, file, bad_rows=BadRows.leave_out).load("train")


def test_settings_that_do_not_fit_are_named(tmp_path: Path) -> None:
    file = write(tmp_path, "t.csv", "sentence,topic,topic\na,x,y\n")
    with pytest.raises(UserError, match=r"task.text=sentense: .*t.csv has no such column; did you mean 'sentence'"):
        table(file, file, text="sentense").load("train")
    with pytest.raises(UserError, match=r"task.label=topic: .* has 2 columns of that name"):
        table(file, file, text="sentence").load("train")
    with pytest.raises(UserError, match=r"task.id=nr: .*no such column; known: sentence, topic"):
        table(write(tmp_path, "u.csv", "sentence,topic\n"), text="sentence", id="nr").load("train")
    with pytest.raises(UserError, match=r"task.text=say: .*s.csv has no such column; its fields seem to end with ;"):
        table(write(tmp_path, "s.csv", "say;topic\na;x\n"), file).load("train")
    with pytest.raises(UserError, match=r"task.data=table needs task.files.train=FILE"):
        table(None).identity()
    with pytest.raises(UserError, match=r"task.files.dev=absent.csv: no such file"):
        table(file, "absent.csv").identity()
    with pytest.raises(UserError, match=r"task.kind=choice needs task.choices=\[COLUMN"):
        table(file, kind=TaskKind.choice)
    with pytest.raises(UserError, match=r"task.choices=\['a'\] is for task.kind=choice"):
        table(file, choices=["a"])
    with pytest.raises(UserError, match=r"task.pair=b is for texts"):
        table(file, kind=TaskKind.tokens, pair="b")
    with pytest.raises(UserError, match=r"'.*t.doc' has an unknown extension; known: .csv, .tsv"):
        table(write(tmp_path, "t.doc", b""), file).load("train")
    with pytest.raises(UserError, match=r"t.json is not a list of objects"):
        table(write(tmp_path, "t.json", b"{}"), file).load("train")
    with pytest.raises(UserError, match=r"t.parquet is damaged or not a Parquet file"):
        table(write(tmp_path, "t.parquet", b"no table"), file).load("train")
    one = write(tmp_path, "one.csv", "say,topic\na,x\nb,x\n")
    with pytest.raises(UserError, match=r"task.label=topic: .*one.csv has no two labels, but x alone"):
        table(one, one).load("train")


def test_without_a_held_out_file_a_tenth_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"say": f"Text {number % 400}.", "topic": str(number % 2)} for number in range(800)]
    file = write(tmp_path, "t.csv", to_csv(rows))
    train, dev = table(file).load("train").rows, table(file).load("dev").rows
    assert len(train) + len(dev) == 800
    assert len(dev) == 80
    assert not {row.text for row in train} & {row.text for row in dev}
    assert "no task.files.dev" in caplog.text
    assert f"{len(dev)} of the 800 rows" in caplog.text
    shuffled = write(tmp_path, "u.csv", to_csv(rows[::-1]))
    assert {row.text for row in table(shuffled).load("dev").rows} == {row.text for row in dev}
    few = write(tmp_path, "few.csv", to_csv([rows[0], rows[0] | {"topic": "1"}]))
    with pytest.raises(UserError, match=r"few.csv is too short to hold rows out; name some: task.files.dev=FILE"):
        table(few).load("dev")
    two = table(write(tmp_path, "two.csv", to_csv(rows[:2])))
    assert len(two.load("train").rows) == len(two.load("dev").rows) == 1
    assert table(file).identity() != table(file, file).identity()


def test_new_rows_need_neither_labels_nor_the_training_file(tmp_path: Path) -> None:
    new = write(tmp_path, "new.csv", "say\nWhat is this?\n")
    assert table("gone.csv").read(new).rows == [TextExample("0", "What is this?")]
    labelled = write(tmp_path, "labelled.csv", "say,topic\nThis.,b\nThat.,\n")
    benchmark = table("gone.csv")
    benchmark.label_names = ("a", "b")
    assert [row.label for row in benchmark.read(labelled).rows] == [1, None]


def test_labels_that_a_wrong_separator_joins_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write(tmp_path, "t.tsv", "say\ttopic\na\tx,y\nb\ty\n")
    with caplog.at_level(logging.WARNING):
        assert table(file, file, kind=MULTI).label_names == ("x,y", "y")
    assert "joined by |" in caplog.text


@given(st.lists(st.integers(-99, 99), unique=True))
def test_numbers_are_sorted_by_value(numbers: list[int]) -> None:
    assert sort_labels([str(number) for number in numbers]) == tuple(map(str, sorted(numbers)))


@pytest.mark.parametrize("name", ["classification", "regression", "multi_label", "tokens", "choice"])
def test_a_recipe_of_every_kind_opens_a_table(name: str) -> None:
    choices = ["task.choices=[a,b]"] * (name == "choice")
    config = compose_verb("finetune", "checkpoint=RUN", f"task={name}", "task.files.train=t.csv", *choices)
    assert isinstance(open_benchmark(config), Table)
