"""SQuAD's files: every question is read, or refused by its number and its id."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.training import BadRows, TaskConfig, TaskFiles
from albert_lab.data.tasks.examples import Answer, Examples, SpanExample
from albert_lab.data.tasks.squad import Squad
from albert_lab.errors import UserError

CONTEXT = "Ada Lovelace wrote it in 1843."
ADA = {"id": "a", "question": "Who?", "answers": [{"text": "Ada Lovelace", "answer_start": 0}]}
NOBODY = {"id": "n", "question": "What for?", "answers": [], "is_impossible": True}


def layout(*questions: Any, context: Any = CONTEXT) -> Any:
    return {"version": "1.1", "data": [{"title": "Ada", "paragraphs": [{"context": context, "qas": list(questions)}]}]}


def write(file: Path, content: Any) -> Path:
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def read(tmp_path: Path, content: Any, split: str = "train", **task: Any) -> Examples[SpanExample]:
    file = str(write(tmp_path / "some.json", content))
    settings = TaskConfig(name="squad", files=TaskFiles(file, file, file), **task)
    return Squad(settings, None, tmp_path).load(split)


def test_a_question_has_its_answers_with_their_places(tmp_path: Path) -> None:
    two = ADA | {"id": 7, "answers": [*ADA["answers"], {"text": "1843", "answer_start": 25}]}
    assert read(tmp_path, layout(ADA, two)).rows == [
        SpanExample("a", "Who?", CONTEXT, (Answer("Ada Lovelace", 0),), False),
        SpanExample("7", "Who?", CONTEXT, (Answer("Ada Lovelace", 0), Answer("1843", 25)), False),
    ]


def test_a_question_may_have_no_answer_in_version_2(tmp_path: Path) -> None:
    rows = read(tmp_path, layout(ADA, NOBODY, NOBODY | {"id": "m", "is_impossible": None}), no_answer=True).rows
    assert [(row.answers, row.impossible) for row in rows[1:]] == [((), True)] * 2
    with pytest.raises(UserError, match=r"some.json:2: question n: it has no answer, which task=squad2"):
        read(tmp_path, layout(ADA, NOBODY))


def test_questions_to_answer_need_no_answers(tmp_path: Path) -> None:
    bare = {"id": "b", "question": "Why?"}
    rows = read(tmp_path, layout(bare, bare | {"id": "c", "answers": []}, ADA), "test").rows
    assert [row.impossible for row in rows] == [None, None, False]
    file = write(tmp_path / "new.json", layout(bare))
    settings = TaskConfig(name="squad2", files=TaskFiles(str(file), str(file)), no_answer=True)
    assert Squad(settings, None, tmp_path).read(file).rows == [SpanExample("b", "Why?", CONTEXT, (), None)]


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    content = "\ufeff" + json.dumps(layout(ADA), indent=1).replace("\n", "\r\n")
    assert read(tmp_path, content) == read(tmp_path, layout(ADA))


def answer(**fields: Any) -> Any:
    return layout(ADA, ADA | {"id": "x", "answers": [{"text": "1843", "answer_start": 25} | fields]})


MALFORMED = {
    "not at its start": (answer(answer_start=24), "the answer '1843' is not at character 24 .*; it is at 25"),
    "before the text": (answer(answer_start=-5), "is not at character -5"),
    "beyond the text": (answer(answer_start=25, text="1843. "), "the context doesn't hold it"),
    "no start": (answer(answer_start=None), "answer_start is null, not a whole number"),
    "a start as text": (answer(answer_start="25"), "answer_start is a text, not a whole number"),
    "empty answer": (answer(text=" "), "an answer's text is empty"),
    "a number as answer": (answer(text=1843), "an answer's text is a number, not a text"),
    "an answer that is a text": (
        layout(ADA, ADA | {"id": "x", "answers": ["1843"]}),
        "an answer is a text, not an object",
    ),
    "no answers": (layout(ADA, {"id": "x", "question": "Who?"}), "it has no list of answers"),
    "no answer": (layout(ADA, ADA | {"id": "x", "answers": []}), "it has no answer"),
    "same id": (layout(ADA, ADA), "question a: an earlier question has the same id"),
    "no id": (layout(ADA, {**ADA, "id": None}), "id is null, not a text"),
    "no question": (layout(ADA, {"id": "x", "answers": []}), "question x: question is null, not a text"),
    "empty question": (layout(ADA, ADA | {"id": "x", "question": "\t"}), "question is empty"),
    "half a pair": (layout(ADA, ADA | {"id": "x", "question": "\ud83d?"}), "half of a surrogate pair"),
    "a question that is a list": (layout(ADA, [1]), "a question is a list, not an object"),
    "neither": (
        layout(ADA, ADA | {"id": "x", "is_impossible": "yes"}),
        "is_impossible is a text, neither true nor false",
    ),
    "both": (layout(ADA, ADA | {"id": "x", "is_impossible": True}), "is_impossible is true, yet it has answers"),
    "impossible": (layout(ADA, ADA | {"id": "x", "is_impossible": False, "answers": []}), "false, yet it has no"),
}


@pytest.mark.parametrize(("content", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_question_stops_the_run_or_is_listed(tmp_path: Path, content: Any, reason: str) -> None:
    with pytest.raises(UserError, match=f"some.json:2: .*{reason}.*bad_rows=leave_out"):
        read(tmp_path, content)
    examples = read(tmp_path, content, bad_rows=BadRows.leave_out)
    assert [row.id for row in examples.rows] == ["a"]
    assert [(row.file, row.line) for row in examples.left_out] == [(str(tmp_path / "some.json"), 2)]


@pytest.mark.parametrize(("context", "reason"), [(None, "context is null, not a text"), (" \n", "context is empty")])
def test_a_paragraph_without_text_costs_its_questions(tmp_path: Path, context: Any, reason: str) -> None:
    content = layout(ADA)
    content["data"] += layout(ADA | {"id": "x"}, ADA | {"id": "y"}, context=context)["data"]
    examples = read(tmp_path, content, bad_rows=BadRows.leave_out)
    assert [(row.line, reason in row.reason) for row in examples.left_out] == [(2, True), (3, True)]


@pytest.mark.parametrize("broken", [{"title": "no paragraphs"}, 7, {"paragraphs": [{"context": "no questions"}]}])
def test_an_article_of_another_shape_is_a_malformed_row(tmp_path: Path, broken: Any) -> None:
    content = layout(ADA)
    content["data"].append(broken)
    with pytest.raises(UserError, match=r"some.json:2: where this question should be, there is no list of"):
        read(tmp_path, content)
    examples = read(tmp_path, content, bad_rows=BadRows.leave_out)
    assert (len(examples.rows), len(examples.left_out)) == (1, 1)


@pytest.mark.parametrize("content", ['{"data": 1}', "[]", '{"questions": []}', "id,question\n1,Who?", "[" * 10_000])
def test_a_file_of_another_layout_is_refused_whatever_the_policy(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match=r"some.json is not (in the layout of SQuAD|JSON)"):
        read(tmp_path, content, bad_rows=BadRows.leave_out)


def test_a_file_without_a_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"some.json holds no question$"):
        read(tmp_path, {"data": []})
    with pytest.raises(UserError, match="holds no question that is whole"):
        read(tmp_path, layout(NOBODY), bad_rows=BadRows.leave_out)


def test_files_are_found_by_their_official_names(tmp_path: Path) -> None:
    folder = tmp_path / "squad"
    folder.mkdir()
    for name in ("train-v1.1-part", "dev-v1.1", "dev-v1.1-half", "train-v2.0"):
        write(folder / f"{name}.json", layout(ADA))
    for root in (tmp_path, folder):
        squad = Squad(TaskConfig(name="squad1"), str(root), tmp_path)
        assert squad.find_file("train") == folder / "train-v1.1-part.json"
        assert squad.find_file("dev") == folder / "dev-v1.1.json"
    with pytest.raises(UserError, match=r"has no dev-v2.0.json, which https.*task.files.dev=FILE"):
        Squad(TaskConfig(name="squad2", no_answer=True), str(tmp_path), tmp_path).identity()
    write(folder / "train-v1.1-rest.json", layout(ADA))
    with pytest.raises(UserError, match=r"has train-v1.1-part.json, train-v1.1-rest.json; .*task.files.train=FILE"):
        squad.load("train")
    with pytest.raises(UserError, match="task=squad1 has no public test set"):
        squad.load("test")
    with pytest.raises(UserError, match=r"task.files.dev=.*lost.json: no such file"):
        Squad(TaskConfig(files=TaskFiles(dev=str(folder / "lost.json"))), str(tmp_path), tmp_path).load("dev")


def test_the_hubs_records_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    both: list[Any] = [ADA, NOBODY]
    records = [
        {"id": each["id"], "title": "Ada", "context": CONTEXT, "question": each["question"], "answers": {
            "text": [answer["text"] for answer in each["answers"]],
            "answer_start": [answer["answer_start"] for answer in each["answers"]],
        }}
        for each in both
    ]  # fmt: skip
    write(folder / "validation.jsonl", "\n".join(map(json.dumps, records)))
    monkeypatch.setattr("albert_lab.data.tasks.squad.HUB_DATASETS", {True: str(folder)})
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    squad = Squad(TaskConfig(name="squad2", data="squad", no_answer=True), "hub", tmp_path)
    assert squad.load("dev").rows == read(tmp_path, layout(*both), no_answer=True).rows
    assert squad.identity() == {"data": "squad", "files": [], "hub": [str(folder), ["train", "dev"]]}


def test_what_identifies_it_is_content_not_place(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for split in ("train", "dev"):
            write(tmp_path / name / f"{split}-v1.1.json", layout(ADA))
        found.append(Squad(TaskConfig(name="squad1", data="squad"), str(tmp_path / name), tmp_path).identity())
    assert found[0] == found[1]
    write(tmp_path / "two" / "dev-v1.1.json", layout(ADA, ADA | {"id": "b"}))
    assert Squad(TaskConfig(name="squad1", data="squad"), str(tmp_path / "two"), tmp_path).identity() != found[0]


KEYS = st.sampled_from(["id", "text", "context", "qas"])
SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(SIMPLE, lambda parts: st.lists(parts) | st.dictionaries(KEYS, parts), max_leaves=4)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (parent, key) within a JSON value."""
    keys: Any = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@given(st.data(), st.sampled_from(BadRows), st.booleans())
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, bad_rows: BadRows, no_answer: bool
) -> None:
    content = copy.deepcopy(layout(ADA, NOBODY, ADA | {"id": "b"}))
    parent, key = data.draw(st.sampled_from(places(content)))
    parent[key] = data.draw(VALUES)
    folder = tmp_path_factory.getbasetemp()
    split = data.draw(st.sampled_from(["train", "test"]))
    try:
        rows = read(folder, content, split, bad_rows=bad_rows, no_answer=no_answer).rows
    except UserError:
        return
    assert rows
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.context[start:].startswith(text) for row in rows for text, start in row.answers)
