"""GLUE as it is: every line a row, labels in Google's order, quotes as characters; nothing is lost in silence."""

import json
import logging
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.training import BadRows, TaskConfig, TaskFiles, TaskKind
from albert_lab.data.tasks import glue
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.data.tasks.examples import BadRow, TextExample
from albert_lab.data.tasks.glue import TASKS, Glue
from albert_lab.errors import UserError
from tests.lab import SHARED_DATA, compose_verb

Folder = Callable[..., Path]

OFFICIAL = {  # folder/file -> its lines in GLUE's own layout
    "CoLA/train.tsv": ["gj04\t1\t\tIt \"works.", "gj04\t0\t*\tWorks it."],
    "CoLA/dev.tsv": ["l-93\t1\t\tSo it seems."],
    "CoLA/test.tsv": ["index\tsentence", "0\tIs it?"],
    "SST-2/train.tsv": ["sentence\tlabel", "a joy \t1", "a bore \t0"],
    "SST-2/dev.tsv": ["sentence\tlabel", "fine \t1"],
    "SST-2/test.tsv": ["index\tsentence", "0\tdull"],
    "MRPC/train.tsv": ["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", "1\t7\t8\t\" He did .\tDid he . \""],
    "MRPC/dev.tsv": ["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", "0\t7\t8\tOne .\tTwo ."],
    "MRPC/test.tsv": ["index\t#1 ID\t#2 ID\t#1 String\t#2 String", "0\t7\t8\tOne .\tTwo ."],
    "STS-B/train.tsv": ["index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
                        "0\tmain\tMSR\t2012\t0001\tnone\tnone\tA plane.\tAn air plane.\t4.750"],
    "STS-B/dev.tsv": ["index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
                      "0\tmain\tMSR\t2012\t0001\tnone\tnone\tA cat.\tA dog.\t0.0"],
    "QQP/train.tsv": ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "133273\t1\t2\tWhy?\tHow come?\t1"],
    "QQP/dev.tsv": ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "201359\t1\t2\tWho?\tWhere?\t0"],
    "QQP/test.tsv": ["id\tquestion1\tquestion2", "0\tWho?\tWhen?"],
    "MNLI/train.tsv": ["index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse"
                       "\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
                       "0\t1\t1n\tfiction\t(\t)\t(\t)\tIt rains.\tIt is wet.\tneutral\tentailment",
                       "1\t1\t1c\tfiction\t(\t)\t(\t)\tIt rains.\tIt is dry.\tcontradiction\tcontradiction"],
    "MNLI/dev_matched.tsv": ["index\tsentence1\tsentence2\tgold_label", "0\tIt rains.\tIt pours.\tneutral"],
    "MNLI/dev_mismatched.tsv": ["index\tsentence1\tsentence2\tgold_label", "0\tOh.\tAh.\tentailment"],
    "MNLI/test_matched.tsv": ["index\tsentence1\tsentence2", "0\tOh.\tAh."],
    "MNLI/test_mismatched.tsv": ["index\tsentence1\tsentence2", "0\tOh.\tAh."],
    "QNLI/train.tsv": ["index\tquestion\tsentence\tlabel", "0\tWho?\tShe did.\tentailment"],
    "QNLI/dev.tsv": ["index\tquestion\tsentence\tlabel", "0\tWho?\tIt did.\tnot_entailment"],
    "RTE/train.tsv": ["index\tsentence1\tsentence2\tlabel", "0\tIt rains.\tIt is wet.\tentailment"],
    "RTE/dev.tsv": ["index\tsentence1\tsentence2\tlabel", "0\tIt rains.\tIt is dry.\tnot_entailment"],
    "WNLI/train.tsv": ["index\tsentence1\tsentence2\tlabel", "0\tHe saw her.\tShe saw.\t0"],
    "WNLI/dev.tsv": ["index\tsentence1\tsentence2\tlabel", "0\tHe saw her.\tHe saw.\t1"],
    "diagnostic/diagnostic.tsv": ["index\tsentence1\tsentence2", "0\tThe cat sat.\tIt did."],
}  # fmt: skip
LABELS = {  # task -> the labels of its first training rows above, in the order of Google's code
    "cola": [1, 0], "sst2": [1, 0], "mrpc": [1], "stsb": [4.75], "qqp": [1], "mnli": [1, 0], "qnli": [0], "rte": [0],
    "wnli": [0],
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, lines in OFFICIAL.items():
        file = tmp_path / "glue_data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return tmp_path


def open_task(name: str, root: Path | str | None, **changes: Any) -> Glue:
    kind = TaskKind.regression if name == "stsb" else TaskKind.single_label
    task = TaskConfig(name=name, data="glue", kind=kind, **changes)
    return Glue(task, None if root is None else str(root), Path("cache"))


def write_sst2(folder: Path, content: bytes) -> Glue:
    (folder / "SST-2").mkdir(exist_ok=True)
    (folder / "SST-2/train.tsv").write_bytes(content)
    return open_task("sst2", folder)


@pytest.mark.parametrize("name", LABELS)
def test_the_official_files_of_every_task_are_read(name: str, root: Path) -> None:
    task = open_task(name, root)
    rows = task.load("train").rows
    assert [row.label for row in rows] == LABELS[name]
    assert all(isinstance(row.pair, str) == (len(task.spec.texts) > 1) for row in rows)
    assert [len(task.load(split).rows) for split in task.held_out] == [1] * len(task.held_out)
    for split in task.test_splits:
        assert [(row.id, row.label) for row in task.load(split).rows] == [("0", None)]


def test_texts_and_ids_are_those_of_the_file(root: Path) -> None:
    assert open_task("cola", root).load("train").rows[0] == TextExample("0", 'It "works.', label=1)
    assert open_task("mrpc", root).load("train").rows == [
        TextExample("0", '" He did .', 'Did he . "', 1),
    ]
    assert open_task("qqp", root).load("train").rows[0].id == "133273"
    assert open_task("mnli", root).load("train").rows[0] == TextExample("0", "It rains.", "It is wet.", 1)


def test_mnli_is_judged_by_both_dev_sets_and_answers_ax(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = open_task("mnli", root)
    assert task.held_out == ("dev_matched", "dev_mismatched")
    assert task.test_splits == ("test_matched", "test_mismatched", "test_ax")
    assert task.load("test_ax") == open_task("ax", root).load("test")
    assert not caplog.records
    before = task.identity()
    (root / "glue_data/MNLI/dev_mismatched.tsv").unlink()
    with caplog.at_level(logging.WARNING):
        task = open_task("mnli", root)
    assert task.held_out == ("dev_matched",)
    assert "no dev_mismatched.tsv" in caplog.text
    assert task.identity() != before


@pytest.mark.parametrize("place", ["glue/CoLA", "CoLA", "cola"])
def test_a_folder_may_be_called_and_lie_as_usual(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True)
    for split in ("train", "dev"):
        (tmp_path / place / f"{split}.tsv").write_text("gj04\t1\t\tIt works.\n")
    assert open_task("cola", tmp_path).load("dev").rows[0].text == "It works."


def test_a_file_can_be_replaced(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"sentence": "Mine.", "label": 0}) + "\n")
    task = open_task("cola", root, files=TaskFiles(dev=str(other)))
    assert task.load("dev").rows == [TextExample("0", "Mine.", label=0)]
    assert len(task.load("train").rows) == 2
    without_folder = open_task("cola", None, files=TaskFiles(train=str(other), dev=str(other)))
    assert without_folder.load("train") == task.load("dev")
    assert without_folder.identity()


def test_predict_needs_no_file_but_its_own(tmp_path: Path) -> None:
    new = tmp_path / "new.tsv"
    new.write_text("sentence\nIs this one?\n")
    assert open_task("cola", None).read(new).rows == [TextExample("0", "Is this one?")]
    new.write_text("sentence\tlabel\nIs this one?\t1\nAnd this?\t\n")
    assert [row.label for row in open_task("cola", None).read(new).rows] == [1, None]


@given(st.lists(st.text(st.characters(exclude_characters="\t\n\r", codec="utf-8"), min_size=1), min_size=1, max_size=9))
def test_every_line_is_a_row_whatever_it_holds(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Quotes, U+2028, U+0085 and a BOM in a text are text: the rows are what splitting at line feeds gives."""
    texts = [f"x{text}" for text in texts]
    folder = tmp_path_factory.mktemp("glue")
    for end in ("\n", "\r\n"):
        content = end.join(["sentence\tlabel", *(f"{text}\t1" for text in texts)])
        for last in ("", end):
            rows = write_sst2(folder, (content + last).encode()).load("train").rows
            assert [row.text for row in rows] == texts


MALFORMED = {  # the third line of a file of SST-2 -> what is said of it
    b"good": "1 field, but the file has 2 columns",
    b"good\t1\t1": "3 fields, but the file has 2 columns",
    b"": "the line is blank",
    b" \t1": "sentence is empty",
    b"\t1": "sentence is empty",
    b"good\t2": "label '2' is no known label; known: 0, 1",
    b"good\t": "label is empty",
    b"good\t1.0": "label '1.0' is no known label",
}


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_row_is_refused_or_listed(line: bytes, tmp_path: Path) -> None:
    content = b"sentence\tlabel\nfirst\t1\n" + line + b"\nlast\t0\n"
    task = write_sst2(tmp_path, content)
    file = tmp_path / "SST-2/train.tsv"
    with pytest.raises(UserError) as raised:
        task.load("train")
    assert f"{file}:3: {MALFORMED[line]}" in str(raised.value)
    assert "task.bad_rows=leave_out" in str(raised.value)
    task.task.bad_rows = BadRows.leave_out
    examples = task.load("train")
    assert [(row.id, row.text) for row in examples.rows] == [("0", "first"), ("2", "last")]
    (bad,) = examples.left_out
    assert bad[:2] == (str(file), 3)
    assert bad.reason.startswith(MALFORMED[line])


@pytest.mark.parametrize(
    ("score", "message"),
    {"good": "'good' is not a number", "nan": "is nan", "-inf": "is -inf", "5.1": "5.1 is not between 0 and 5",
     "": "'' is not a number"}.items(),
)  # fmt: skip
def test_a_score_is_a_number_from_0_to_5(score: str, message: str, root: Path) -> None:
    file = root / "glue_data/STS-B/train.tsv"
    file.write_text(f"sentence1\tsentence2\tscore\nOne.\tTwo.\t{score}\n")
    with pytest.raises(UserError, match=f":2: score {message}"):
        open_task("stsb", root).load("train")


def test_an_id_names_one_row(root: Path) -> None:
    file = root / "glue_data/RTE/train.tsv"
    file.write_text("index\tsentence1\tsentence2\tlabel\n" + "7\tOne.\tTwo.\tentailment\n" * 2)
    with pytest.raises(UserError, match=r":3: index '7' is that of line 2 too"):
        open_task("rte", root).load("train")
    task = open_task("rte", root, bad_rows=BadRows.leave_out)
    assert task.load("train").left_out == (BadRow(str(file), 3, "index '7' is that of line 2 too"),)


def test_what_is_missing_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"task.name=colla is no task.*did you mean 'cola'"):
        open_task("colla", root)
    with pytest.raises(UserError, match=r"task.kind=single_label doesn't fit task.name=stsb; nearest: regression"):
        Glue(TaskConfig(name="stsb"), str(root), Path("cache"))
    with pytest.raises(UserError, match=r"task=cola needs its files: data_root=FOLDER"):
        open_task("cola", None).identity()
    with pytest.raises(UserError, match="none of glue/CoLA"):
        open_task("cola", tmp_path / "glue_data/RTE").load("train")
    with pytest.raises(UserError, match=r"has no split 'train'; known: test"):
        open_task("ax", root).load("train")
    (root / "glue_data/RTE/dev.tsv").unlink()
    with pytest.raises(UserError, match=r"has no dev.tsv; task.files.dev=FILE"):
        open_task("rte", root).identity()
    file = root / "glue_data/RTE/train.tsv"
    file.write_text("index\tpremise\tsentence2\tlabel\n")
    with pytest.raises(UserError, match=r"has no column 'sentence1'; it has index, premise, sentence2, label"):
        open_task("rte", root).load("train")
    file.write_text("")
    with pytest.raises(UserError, match=r"train.tsv is empty"):
        open_task("rte", root).load("train")
    file.write_bytes(b"index\tsentence1\tsentence2\tlabel\n0\tcaf\xe9\tTwo.\tentailment\n")
    with pytest.raises(UserError, match=r"train.tsv is not UTF-8 at line 2"):
        open_task("rte", root).load("train")


HUB = {  # as the hub has them: columns, and numbers in place of labels, -1 for none
    ("cola", "train"): {"sentence": ["It works.", "Works it."], "label": [1, 0], "idx": [0, 1]},
    ("mrpc", "validation"): {"sentence1": ["One."], "sentence2": ["Two."], "label": [1], "idx": [9]},
    ("stsb", "validation"): {"sentence1": ["One."], "sentence2": ["Two."], "label": [2.5], "idx": [0]},
    ("mnli", "validation_mismatched"): {
        "premise": ["A.", "B.", "C."], "hypothesis": ["D.", "E.", "F."], "label": [0, 1, 2], "idx": [0, 1, 2],
    },
    ("qnli", "test"): {"question": ["Who?"], "sentence": ["She."], "label": [-1], "idx": [0]},
    ("ax", "test"): {"premise": ["A."], "hypothesis": ["B."], "label": [-1], "idx": [0]},
}  # fmt: skip


def test_the_hubs_columns_and_numbers_become_the_same_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(name: str, config: str, split: str, revision: str | None) -> datasets.Dataset:
        assert name == "nyu-mll/glue"
        return datasets.Dataset.from_dict(HUB[config, split])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert open_task("cola", "hub").load("train").rows[1] == TextExample("1", "Works it.", label=0)
    assert open_task("mrpc", "hub").load("dev").rows == [TextExample("9", "One.", "Two.", 1)]
    assert open_task("stsb", "hub").load("dev").rows[0].label == 2.5
    mnli = open_task("mnli", "hub")
    assert mnli.held_out == ("dev_matched", "dev_mismatched")
    labels = [row.label for row in mnli.load("dev_mismatched").rows]
    assert [mnli.label_names[label] for label in labels] == ["entailment", "neutral", "contradiction"]  # type: ignore[index]
    assert mnli.load("test_ax").rows == [TextExample("0", "A.", "B.")]
    assert open_task("qnli", "hub").load("test").rows == [TextExample("0", "Who?", "She.")]
    assert mnli.identity() == {
        "data": "glue", "files": [], "hub": ["nyu-mll/glue", "mnli", ["train", "dev_matched", "dev_mismatched"]],
    }  # fmt: skip


def test_a_folder_of_data_files_stands_in_for_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.jsonl").write_text('{"sentence1": "One.", "sentence2": "Two.", "label": 0, "idx": 3}\n')
    monkeypatch.setattr(glue, "HUB_DATASET", str(tmp_path))
    monkeypatch.setitem(TASKS, "default", TASKS["rte"])  # what `datasets` calls the configuration of such a folder
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    assert open_task("default", "hub").load("train").rows == [TextExample("3", "One.", "Two.", 0)]
    with pytest.raises(UserError, match="split 'validation'"):
        open_task("default", "hub").load("dev")


def test_without_a_network_the_hub_is_named_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(*_: Any, **__: Any) -> None:
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(UserError, match=r"'nyu-mll/glue' of the hub can't be fetched: no network.*data_root=FOLDER"):
        open_task("rte", "hub").load("train")


TABLE_14 = {  # learning rate, batch, dropout, classifier dropout, steps, warm-up
    "cola": (1e-5, 16, 0, 0.1, 5336, 320), "stsb": (2e-5, 16, 0, 0.1, 3598, 214),
    "sst2": (1e-5, 32, 0, 0.1, 20935, 1256), "mnli": (3e-5, 128, 0, 0.1, 10000, 1000),
    "qnli": (1e-5, 32, 0, 0.1, 33112, 1986), "qqp": (5e-5, 128, 0.1, 0.1, 14000, 1000),
    "rte": (3e-5, 32, 0.1, 0.1, 800, 200), "mrpc": (2e-5, 32, 0, 0.1, 800, 200),
    "wnli": (2e-5, 16, 0.1, 0.1, 2000, 250),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE_14)
def test_a_recipe_is_that_of_table_14(name: str, root: Path) -> None:
    config = compose_verb("finetune", "checkpoint=RUN", f"task={name}", f"data_root={root}")
    task, optimizer, train = config.task, config.optimizer, config.train
    assert TABLE_14[name] == (
        optimizer.learning_rate, train.batch_size, task.dropout, task.classifier_dropout, train.budget.steps,
        optimizer.warmup_steps,
    )  # fmt: skip
    assert open_benchmark(config).label_names == TASKS[name].label_names


@pytest.fixture(scope="session")
def real_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = SHARED_DATA / "glue.tar.xz"
    if not archive.is_file():
        pytest.skip(f"needs the benchmark's files: {archive}")
    folder = tmp_path_factory.mktemp("benchmarks")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("name", TASKS)
def test_real_files_have_as_many_rows_as_lines(name: str, real_root: Path) -> None:
    task = open_task(name, real_root)
    assert task.files
    for split, file in task.files.items():
        lines = file.read_bytes().removesuffix(b"\n").split(b"\n")
        headers = 0 if name == "cola" and split != "test" else 1
        examples = task.load(split)
        assert len(examples.rows) == len(lines) - headers
        assert not examples.left_out
        assert {row.label is None for row in examples.rows} == {split.startswith("test")}


def test_a_large_file_is_read_in_well_under_a_second(real_root: Path) -> None:
    task = open_task("sst2", real_root)
    start = time.perf_counter()
    assert len(task.load("train").rows) == 67349
    assert time.perf_counter() - start < 5  # 0.14 on an idle machine
