"""RACE, COPA, SWAG and CommonsenseQA: their own files and the hub give the same questions, and nothing is lost."""

import json
import lzma
import tarfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albert_lab.config.training import BadRows, TaskConfig, TaskFiles
from albert_lab.data.tasks.benchmark import Benchmark, open_benchmark
from albert_lab.data.tasks.examples import BadRow, ChoiceExample
from albert_lab.errors import UserError
from tests.lab import SHARED_DATA, compose_verb

PASSAGE: dict[str, Any] = {
    "id": "high1.txt",
    "article": "It rained.\nAll was wet.",
    "questions": ["It was  _  .", "Why?", "_ and _"],
    "options": [["dry", "wet", "hot", "old"], ["Rain.", "Sun.", "Wind.", "Ice."], ["a", "b", "c", "d"]],
    "answers": ["B", "A", "D"],
}
COPA = {
    "premise": "He ran.",
    "choice1": "It rained.",
    "choice2": "He slept.",
    "question": "cause",
    "label": 0,
    "idx": 7,
}
SWAG_HEADER = ",video-id,fold-ind,startphrase,sent1,sent2,gold-source,ending0,ending1,ending2,ending3,label"
SWAG = 'x,v,1,"A, B","He said ""hi"".",She,gold,sits.,stands.,runs.,"cries, loud.",3'
CSQA: dict[str, Any] = {
    "id": "a1", "answerKey": "C",
    "question": {"stem": "Where?", "choices": [{"label": label, "text": f"in {label}"} for label in "ABCDE"]},
}  # fmt: skip


def open_task(name: str, root: Path | str | None = None, **changes: Any) -> Benchmark:
    data = name.split("_")[0]
    task = TaskConfig(name=name, data=data, **changes)
    benchmark: Benchmark = import_module(f"albert_lab.data.tasks.{data}").BENCHMARK(
        task, None if root is None else str(root), Path("cache")
    )
    return benchmark


def write_lines(file: Path, *lines: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return file


def open_file(name: str, file: Path, **changes: Any) -> Benchmark:
    return open_task(name, files=TaskFiles(train=str(file), dev=str(file), test=str(file)), **changes)


def write_race(folder: Path, layout: str) -> None:
    for split in ("train", "dev", "test"):
        for school in ("middle", "high"):
            passages = [PASSAGE | {"id": f"{school}{number}.txt"} for number in (1, 2)]
            if layout == "a file a passage":
                for passage in passages:
                    write_lines(folder / "RACE" / split / school / passage["id"][len(school) :], passage)
            elif layout == "all.txt":
                write_lines(folder / "RACE" / split / school / "all.txt", *passages)
            else:
                (folder / "RACE").mkdir(exist_ok=True)
                with lzma.open(folder / "RACE" / f"{split}_{school}.jsonl.xz", "wt") as stream:
                    stream.writelines(json.dumps(passage) + "\n" for passage in passages)


@pytest.mark.parametrize("layout", ["a file a passage", "all.txt", "a file a school"])
def test_every_layout_of_race_gives_the_same_questions(layout: str, tmp_path: Path) -> None:
    write_race(tmp_path, layout)
    race, middle = open_task("race", tmp_path), open_task("race_middle", tmp_path)
    rows = race.load("train").rows
    assert [row.group for row in rows] == ["middle"] * 6 + ["high"] * 6
    assert middle.load("train").rows == rows[:6]
    assert open_task("race_high", tmp_path).load("test").rows == race.load("test").rows[6:]
    assert [row.id for row in rows[:4]] == ["middle1.txt-0", "middle1.txt-1", "middle1.txt-2", "middle2.txt-0"]
    assert race.identity() != middle.identity()


def test_an_option_takes_the_place_of_every_gap_or_follows_the_question(tmp_path: Path) -> None:
    first, second, third = open_file("race", write_lines(tmp_path / "a.txt", PASSAGE)).load("dev").rows
    assert first == ChoiceExample(
        "high1.txt-0", "It rained.\nAll was wet.",
        ("It was  dry  .", "It was  wet  .", "It was  hot  .", "It was  old  ."), 1, "high",
    )  # fmt: skip
    assert second.endings == ("Why? Rain.", "Why? Sun.", "Why? Wind.", "Why? Ice.")
    assert (third.endings[1], third.label) == ("b and b", 3)


def test_many_files_have_a_short_identity(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        for number in range(30):
            passage = PASSAGE | {"id": f"high{number}.txt"}
            write_lines(tmp_path / "race" / split / "high" / f"{number}.txt", passage)
    files = open_task("race_high", tmp_path).identity()["files"]
    assert files[0] == 60
    assert len(files) == 2
    write_lines(tmp_path / "race/train/high/7.txt", PASSAGE)
    assert open_task("race_high", tmp_path).identity()["files"] != files


def test_copa_asks_its_question_in_words(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "COPA/train.jsonl", COPA, COPA | {"question": "effect", "idx": 8, "label": 1})
    rows = open_task("copa", file.parents[1]).load("train").rows
    endings = ("It rained.", "He slept.")
    assert rows == [
        ChoiceExample("7", "He ran. What was the CAUSE of this?", endings, 0),
        ChoiceExample("8", "He ran. What happened as a RESULT?", endings, 1),
    ]


def test_swag_starts_every_choice_with_the_second_sentence(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "swag/train.csv", SWAG_HEADER, SWAG)
    endings = ("She sits.", "She stands.", "She runs.", "She cries, loud.")
    row = open_task("swag", tmp_path).load("train").rows[0]
    assert row == ChoiceExample("0", 'He said "hi".', endings, 3)
    write_lines(file.parent / "test.csv", SWAG_HEADER.removesuffix(",label"), SWAG.removesuffix(",3"))
    assert open_task("swag", tmp_path).load("test").rows == [ChoiceExample("0", 'He said "hi".', endings)]


def test_the_choices_of_commonsenseqa_are_in_the_order_of_their_letters(tmp_path: Path) -> None:
    question = CSQA["question"] | {"choices": CSQA["question"]["choices"][::-1]}
    file = write_lines(tmp_path / "train.jsonl", CSQA, CSQA | {"id": "a2", "question": question})
    rows = open_file("commonsenseqa", file).load("train").rows
    assert rows[0] == ChoiceExample("a1", "Where?", tuple(f"in {label}" for label in "ABCDE"), 2)
    assert (rows[1].endings, rows[1].label) == (rows[0].endings, 2)


WITHOUT_ANSWERS = {
    "race": {key: value for key, value in PASSAGE.items() if key != "answers"},
    "copa": {key: value for key, value in COPA.items() if key != "label"},
    "commonsenseqa": {key: value for key, value in CSQA.items() if key != "answerKey"},
}


@pytest.mark.parametrize("name", WITHOUT_ANSWERS)
def test_a_test_set_may_lack_its_answers_but_training_data_may_not(name: str, tmp_path: Path) -> None:
    task = open_file(name, write_lines(tmp_path / "a.jsonl", WITHOUT_ANSWERS[name]))
    for examples in (task.load("test"), task.read(tmp_path / "a.jsonl")):
        assert {row.label for row in examples.rows} == {None}
    with pytest.raises(UserError, match=r"lacks 'answers'|no column"):
        task.load("train")


MALFORMED = [
    ("race", PASSAGE | {"answers": ["B", "E", "D"]}, "question 2: answer 'E' is none of A, B, C, D"),
    ("race", PASSAGE | {"answers": ["B"]}, "3 questions and 3 options and 1 answers do not match"),
    ("race", PASSAGE | {"options": [["a"]] * 3}, "question 1: the number of options is 1, not 4"),
    ("race", PASSAGE | {"options": "abc"}, "options is a text, not a list"),
    ("race", PASSAGE | {"article": " "}, "question 1: article is empty"),
    ("race", {"id": "high3.txt", "article": "A."}, "lacks 'questions'"),
    ("race", "[1]", "a JSON list, not an object"),
    ("race", "{", "not JSON: "),
    ("copa", COPA | {"label": 2}, "label '2' is none of 0, 1"),
    ("copa", COPA | {"question": "why"}, "question 'why' is none of cause, effect"),
    ("copa", COPA | {"choice2": ""}, "choice2 is empty"),
    ("copa", {"premise": "He ran."}, "lacks 'question'"),
    ("commonsenseqa", CSQA | {"answerKey": "F"}, "answerKey 'F' is none of A, B, C, D, E"),
    ("commonsenseqa", CSQA | {"question": "Where?"}, "question is a text, not an object with stem and choices"),
    ("commonsenseqa", CSQA | {"question": {"stem": "Why?", "choices": []}}, "the choices are none, not A, B, C, D, E"),
    ("commonsenseqa", CSQA | {"question": {"stem": "Where?"}}, "choices is null, not a list of objects"),
    (
        "commonsenseqa", CSQA | {"question": {"stem": "", "choices": CSQA["question"]["choices"]}}, "question is empty",
    ),
    ("swag", SWAG.removesuffix(",3"), "11 fields, but the file has 12 columns"),
    ("swag", SWAG.removesuffix("3") + "4", "label '4' is none of 0, 1, 2, 3"),
    ("swag", SWAG.removesuffix("3"), "label is empty"),
    ("swag", SWAG.replace("runs.", ""), "ending2 is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "reason"), MALFORMED, ids=[f"{name}: {why}" for name, _, why in MALFORMED])
def test_a_malformed_row_is_named_or_left_out(name: str, row: Any, reason: str, tmp_path: Path) -> None:
    goods: dict[str, Any] = {"race": PASSAGE, "copa": COPA, "commonsenseqa": CSQA, "swag": SWAG}
    good = goods[name]
    key = "idx" if name == "copa" else "id"
    more = good if isinstance(good, str) else {**good, key: "high2.txt"}
    row = {**row, key: "high3.txt"} if isinstance(row, dict) and key in row else row
    header = [SWAG_HEADER] if name == "swag" else []
    file = write_lines(tmp_path / f"rows.{'csv' if header else 'jsonl'}", *header, good, row, more)
    line = 2 + len(header)
    with pytest.raises(UserError, match=rf"rows\.\w+:{line}: ") as error:
        open_file(name, file).load("train")
    assert reason in str(error.value)
    examples = open_file(name, file, bad_rows=BadRows.leave_out).load("train")
    alone = open_file(name, write_lines(tmp_path / f"good{file.suffix}", *header, good)).load("train")
    assert examples.rows[: len(alone.rows)] == alone.rows
    assert [row.endings for row in examples.rows[-len(alone.rows) :]] == [row.endings for row in alone.rows]
    assert all(isinstance(bad, BadRow) and bad.line == line for bad in examples.left_out)
    assert examples.left_out[0].reason.startswith(reason)
    if "answer 'E'" in reason:
        assert len(examples.rows) == 8  # the passage's other questions stay


@pytest.mark.parametrize(("start", "end"), [("\ufeff", "\n"), ("", "\r\n")], ids=["BOM", "CRLF"])
def test_a_mark_at_the_start_or_line_ends_of_windows_change_nothing(start: str, end: str, tmp_path: Path) -> None:
    lines: dict[str, list[Any]] = {
        "race": [PASSAGE],
        "copa": [COPA],
        "commonsenseqa": [CSQA],
        "swag": [SWAG_HEADER, SWAG],
    }
    for name, rows in lines.items():
        file = write_lines(tmp_path / f"plain{'.csv' if name == 'swag' else '.jsonl'}", *rows)
        other = tmp_path / f"other{file.suffix}"
        other.write_bytes((start + file.read_text().replace("\n", end)).encode())
        assert open_file(name, other).load("train") == open_file(name, file).load("train")


def test_missing_files_are_named(tmp_path: Path) -> None:
    write_race(tmp_path, "all.txt")
    (tmp_path / "RACE/train/high/all.txt").unlink()
    with pytest.raises(UserError, match=r"no train/high/all\.txt or train/high/\*\.txt or train_high\.jsonl"):
        open_task("race", tmp_path).identity()
    with pytest.raises(UserError, match=r"none of COPA, copa, .* is in data_root"):
        open_task("copa", tmp_path).identity()
    with pytest.raises(UserError, match=r"is no task of task.data=race.*race_high"):
        open_task("race_hihg", tmp_path)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 6)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["A", "cause"]),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.sampled_from(["label", "text", "stem"]), parts),
    max_leaves=6,
)


@pytest.mark.parametrize("name", ["race", "copa", "commonsenseqa"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_field_holds_the_row_is_read_or_listed(name: str, data: st.DataObject, tmp_path: Path) -> None:
    goods: dict[str, dict[str, Any]] = {"race": PASSAGE, "copa": COPA, "commonsenseqa": CSQA}
    good = goods[name]
    row = good | {data.draw(st.sampled_from([*good])): data.draw(anything)}
    if name == "commonsenseqa" and data.draw(st.booleans()):
        row["question"] = {"stem": "Why?", "choices": data.draw(anything)}
    file = write_lines(tmp_path / "rows.jsonl", row, "{}")
    examples = open_file(name, file, bad_rows=BadRows.leave_out).load("train")
    assert all(text for example in examples.rows for text in (example.context, *example.endings))
    assert examples.rows or examples.left_out[0].line == 1
    assert examples.left_out[-1].line == 2


HUB = {
    ("ehovy/race", "all", "validation"): {
        "example_id": ["high1.txt"] * 3, "article": [PASSAGE["article"]] * 3, "question": PASSAGE["questions"],
        "options": PASSAGE["options"], "answer": PASSAGE["answers"],
    },
    ("aps/super_glue", "copa", "validation"): {name: [value] for name, value in COPA.items()},
    ("aps/super_glue", "copa", "test"): {name: [value] for name, value in (COPA | {"label": -1}).items()},
    ("allenai/swag", "regular", "validation"): {
        "sent1": ['He said "hi".'], "sent2": ["She"], "label": [3],
        **{f"ending{number}": [text] for number, text in enumerate(["sits.", "stands.", "runs.", "cries, loud."])},
    },
    ("tau/commonsense_qa", None, "validation"): {
        "id": ["a1"], "question": ["Where?"], "answerKey": ["C"],
        "choices": [{"label": list("ABCDE"), "text": [f"in {label}" for label in "ABCDE"]}],
    },
    ("tau/commonsense_qa", None, "test"): {
        "id": ["a1"], "question": ["Where?"], "answerKey": [""],
        "choices": [{"label": list("ABCDE"), "text": [f"in {label}" for label in "ABCDE"]}],
    },
}  # fmt: skip


def test_the_hub_gives_the_same_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(name: str, config: str | None, split: str, revision: str | None) -> datasets.Dataset:
        return datasets.Dataset.from_dict(HUB[name, config, split])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    lines: dict[str, list[Any]] = {
        "race": [PASSAGE],
        "copa": [COPA],
        "commonsenseqa": [CSQA],
        "swag": [SWAG_HEADER, SWAG],
    }
    for name, rows in lines.items():
        file = write_lines(tmp_path / f"{name}{'.csv' if name == 'swag' else '.jsonl'}", *rows)
        assert open_task(name, "hub").load("dev") == open_file(name, file).load("dev")
        assert open_task(name, "hub").test_splits == ("test",)
        assert open_task(name, "hub").identity()["hub"][-1] == ["train", "dev"]
    assert open_task("copa", "hub").load("test").rows[0].label is None
    assert open_task("commonsenseqa", "hub").load("test").rows[0].label is None


@pytest.mark.parametrize("name", ["race", "race_middle", "race_high", "copa", "swag", "commonsenseqa"])
def test_a_recipe_opens_its_benchmark(name: str) -> None:
    config = compose_verb("finetune", "checkpoint=RUN", f"task={name}", "data_root=FOLDER")
    assert open_benchmark(config).head == "choice"
    assert config.train.keep.value == "best"
    assert config.train.validation_samples is None


@pytest.mark.parametrize("name", ["race", "race_middle", "race_high"])
def test_the_recipe_of_race_is_that_of_table_14(name: str) -> None:
    config = compose_verb("finetune", "checkpoint=RUN", f"task={name}", "data_root=FOLDER")
    task, optimizer, train = config.task, config.optimizer, config.train
    found = (optimizer.learning_rate, train.batch_size, task.dropout, task.classifier_dropout)
    assert found == (2e-5, 32, 0.1, 0.1)
    assert (train.budget.steps, optimizer.warmup_steps, task.max_query_length) == (12000, 1000, 128)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_real_race_has_its_official_counts(split: str) -> None:
    folder = SHARED_DATA / "race"
    if not folder.is_dir():
        pytest.skip(f"needs the benchmark's files: {folder}")
    examples = open_task("race_middle", SHARED_DATA).load(split)
    assert len(examples.rows) == {"train": 25421, "dev": 1436}[split]
    assert not examples.left_out
    assert {row.group for row in examples.rows} == {"middle"}


@pytest.mark.parametrize(("name", "counts"), [("copa", [400, 100]), ("commonsenseqa", [9741, 1221])])
def test_real_files_have_their_official_counts(name: str, counts: list[int], tmp_path: Path) -> None:
    archive = SHARED_DATA / "multiple_choice.tar.xz"
    if not archive.is_file():
        pytest.skip(f"needs the benchmark's files: {archive}")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    task = open_task(name, tmp_path)
    splits = [task.load(split) for split in ("train", "dev")]
    assert [len(examples.rows) for examples in splits] == counts
    assert not any(examples.left_out for examples in splits)
