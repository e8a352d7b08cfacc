"""Sentences of tagged words: every dialect gives the same words and entities, and no line is lost in silence."""

import logging
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albert_lab.config.training import BadRows, TaskConfig, TaskFiles
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.data.tasks.conll import NAMED, Conll
from albert_lab.data.tasks.examples import BadRow, TokenExample
from albert_lab.data.tasks.iob import list_tags, to_iob2
from albert_lab.data.tasks.values import BadValue
from albert_lab.errors import UserError
from tests.lab import SHARED_DATA, compose_verb

CONLL = """-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
call NN I-NP O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER
Paul NNP B-NP B-PER

"""


def open_task(name: str, root: Path | str | None = None, **changes: Any) -> Conll:
    return Conll(TaskConfig(name=name, data="conll", **changes), None if root is None else str(root), Path("cache"))


def write(folder: Path, name: str, content: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def open_file(file: Path, **changes: Any) -> Conll:
    """A user's task that this file is all of."""
    return open_task("mine", files=TaskFiles(train=str(file), dev=str(file)), **changes)


def tags_of(task: Conll, row: TokenExample) -> list[str]:
    return [task.label_names[label] for label in row.labels or ()]


@pytest.mark.parametrize("folder", ["ner/conll2003", "CoNLL-2003"])
def test_conll_2003_has_iob1_in_its_last_column(folder: str, tmp_path: Path) -> None:
    for name in ("eng.train", "eng.testa", "eng.testb"):
        write(tmp_path / folder, name, CONLL)
    task = open_task("conll2003", tmp_path)
    rows = task.load("train").rows
    assert rows[0].words == ("EU", "rejects", "German", "call")
    assert tags_of(task, rows[0]) == ["B-ORG", "O", "B-MISC", "O"]
    assert tags_of(task, rows[1]) == ["B-PER", "I-PER", "B-PER"]
    assert len(rows) == 2
    assert task.load("test") == task.load("dev") == task.load("train")
    assert task.label_names == ("O", *(f"{prefix}-{kind}" for prefix in "BI" for kind in ("LOC", "MISC", "ORG", "PER")))
    assert task.metrics[0] == "entity_f1"


def test_wikiann_loses_its_language_and_keeps_all_else(tmp_path: Path) -> None:
    write(tmp_path / "wikiann-en", "train.txt", "en:R.H.\tB-PER\nen:New York\tI-PER\nen::\tO\nen:a:b\tO\n\n")
    write(tmp_path / "wikiann-en", "dev.txt", "R.H.\tB-PER\nNew\tO\n")
    task = open_task("wikiann", tmp_path)
    assert task.load("train").rows[0].words == ("R.H.", "New York", ":", "a:b")
    assert task.load("dev").rows[0].words == ("R.H.", "New")  # a copy without it


def test_every_fifth_document_of_wikigold_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "wikigold", "wikigold.conll.txt", "-DOCSTART- O\n\n".join(f"d{i} I-LOC\n\n" for i in range(11)))
    task = open_task("wikigold", tmp_path)
    assert [row.words[0] for row in task.load("train").rows] == ["d1", "d2", "d3", "d4", "d6", "d7", "d8", "d9"]
    with caplog.at_level(logging.WARNING):
        assert [row.words[0] for row in task.load("dev").rows] == ["d0", "d5", "d10"]
    assert "every document whose number is a multiple of 5 is held out" in caplog.text
    assert len(task.identity()["files"]) == 1
    own = write(tmp_path, "own.txt", "one O\n")
    replaced = open_task("wikigold", tmp_path, files=TaskFiles(dev=str(own)))
    assert (len(replaced.load("train").rows), len(replaced.load("dev").rows)) == (11, 1)
    assert replaced.identity() != task.identity()


def test_a_users_labels_are_those_of_the_training_file(tmp_path: Path) -> None:
    train = write(tmp_path, "train.conll", "a B-GENE\nb I-GENE\nc O\n\nd B-DRUG\n")
    dev = write(tmp_path, "dev.conll", "a I-DRUG\n\nb B-CELL\n")
    task = open_task("mine", files=TaskFiles(train=str(train), dev=str(dev)))
    assert task.label_names == ("O", "B-DRUG", "B-GENE", "I-DRUG", "I-GENE")
    with pytest.raises(UserError, match=r"dev\.conll:3: tag 'B-CELL' is no known label.*its sentence is left out"):
        task.load("dev")


def test_parts_of_speech_are_scored_by_word(tmp_path: Path) -> None:
    task = open_file(write(tmp_path, "pos.txt", "the DT\ncat NN\nsat VBD\n"))
    assert task.label_names == ("DT", "NN", "VBD")
    assert task.metrics == ("token_accuracy",)
    assert task.load("train").rows == [TokenExample("0", ("the", "cat", "sat"), (0, 1, 2))]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\ufeffa O\nb B-X\n", [("a", "b")]),
        ("a O\r\n\r\nb B-X\r\n", [("a",), ("b",)]),
        ("\n\n \n\t\na O\nb B-X", [("a", "b")]),
        ("a  O\nb   B-X\n", [("a", "b")]),
        ("a\u00a0b O\n\u2028 B-X\n", [("a\u00a0b", "\u2028")]),
        ("\" O\n'' B-X\n", [('"', "''")]),
    ],
    ids=["BOM", "CRLF", "blank lines and no end", "several spaces", "other white space", "quotes"],
)
def test_words_are_read_as_they_stand(content: str, words: list[tuple[str, ...]], tmp_path: Path) -> None:
    rows = open_file(write(tmp_path, "words.txt", content)).load("train").rows
    assert [row.words for row in rows] == words


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b", "1 column, but the file's first line has 2"),
        ("b x O", "3 columns, but the file's first line has 2"),
        ("b X-PER", "tag 'X-PER' is neither O nor B-TYPE, I-TYPE or the like"),
        ("b B-", "tag 'B-' is neither O nor B-TYPE, I-TYPE or the like"),
        ("b\t", "the tag is empty"),
        ("\tO", "the word is empty"),
    ],
)
def test_a_malformed_line_is_named_or_costs_its_sentence(line: str, reason: str, tmp_path: Path) -> None:
    file = write(tmp_path, "bad.txt", f"a B-PER\n\na O\n{line}\nc O\n\nd O\n")
    with pytest.raises(UserError, match=r"bad\.txt:4: ") as error:
        open_file(file).load("train")
    assert reason in str(error.value)
    examples = open_file(file, bad_rows=BadRows.leave_out).load("train")
    assert [row.words for row in examples.rows] == [("a",), ("d",)]
    assert examples.left_out == (BadRow(str(file), 4, f"{reason}; its sentence is left out"),)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["a", "\t", " ", "\n", "\r\n", " O\n", "\tB-X\n", "\u2028", "-DOCSTART- O\n"])).map(
        "".join
    )
)
def test_every_word_is_read_or_its_sentence_listed(tmp_path: Path, content: str) -> None:
    file = write(tmp_path, "any.txt", f"a O\nb B-X\n\n{content}")
    examples = open_file(file, bad_rows=BadRows.leave_out).load("train")
    lines = [line.rstrip("\r") for line in file.read_bytes().decode().split("\n")]
    documents = [line.lstrip(" ").startswith("-DOCSTART-") and "\t" not in line for line in lines]
    words = [bool(line.strip(" \t")) and not mark for line, mark in zip(lines, documents, strict=True)]
    sentences = sum(is_word and not before for before, is_word in zip([False, *words], words, strict=False))
    assert len(examples.rows) + len(examples.left_out) == sentences
    assert all(words[row.line - 1] for row in examples.left_out)
    if not examples.left_out:
        assert sum(len(row.words) for row in examples.rows) == sum(words)


def test_a_word_of_wikiann_without_the_language_is_malformed(tmp_path: Path) -> None:
    write(tmp_path / "wikiann", "train.txt", "en:a\tO\nb\tO\n")
    with pytest.raises(UserError, match=r"train\.txt:2: 'b' does not start with 'en:'"):
        open_task("wikiann", tmp_path).load("train")


def test_words_without_tags_can_be_answered_but_not_learnt_from(tmp_path: Path) -> None:
    file = write(tmp_path, "words.txt", "a\nb\n")
    assert open_task("conll2003").read(file).rows == [TokenExample("0", ("a", "b"))]
    with pytest.raises(UserError, match="one column"):
        open_task("conll2003", files=TaskFiles(train=str(file))).load("train")


def test_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "conll2003").mkdir()
    with pytest.raises(UserError, match=r"no eng\.train or train\.txt or train; task\.files\.train=FILE"):
        open_task("conll2003", tmp_path).identity()
    with pytest.raises(UserError, match=r"needs task\.files\.train=FILE"):
        open_task("mine").identity()
    with pytest.raises(UserError, match=r"task\.files\.dev=nowhere\.txt: no such file"):
        open_task("conll2003", files=TaskFiles(dev="nowhere.txt")).load("dev")
    with pytest.raises(UserError, match="wikigold is not on the hub"):
        open_task("wikigold", "hub").load("train")
    with pytest.raises(UserError, match="no split 'valid'"):
        open_task("conll2003", tmp_path).load("valid")


def test_entities_that_start_in_two_ways_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write(tmp_path, "mixed.txt", "a B-PER\nb I-LOC\n")
    with caplog.at_level(logging.WARNING):
        open_file(file).load("train")
    assert "1 entities start with I- and 1 with B-" in caplog.text


def test_the_hubs_numbers_become_the_same_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(name: str, config: str, split: str, revision: str | None) -> datasets.Dataset:
        assert split == "validation"
        return datasets.Dataset.from_dict({"tokens": [["EU", "in", "Bonn"]], "ner_tags": [[3, 0, 5]]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    for name in ("conll2003", "wikiann"):
        task = open_task(name, "hub")
        row = task.load("dev").rows[0]
        assert row.words == ("EU", "in", "Bonn")
        assert tags_of(task, row) == ["B-ORG", "O", "B-LOC"]
        assert task.test_splits == ("test",)
        assert task.identity()["hub"][-1] == ["train", "dev"]


PREFIXES = {  # of an entity's first, inner and last word, and of its only one
    "IOB1": ("I", "I", "I", "I"),
    "IOB2": ("B", "I", "I", "B"),
    "BIOES": ("B", "I", "E", "S"),
    "BILOU": ("B", "I", "L", "U"),
    "BMES": ("B", "M", "E", "S"),
}
entities = st.lists(st.tuples(st.sampled_from(["PER", "LOC", ""]), st.integers(1, 3)), max_size=6)


def tag(parts: list[tuple[str, int]], scheme: str) -> list[str]:
    """The tags of spans (type, words) in a scheme; "" is outside."""
    tags: list[str] = []
    for place, (kind, words) in enumerate(parts):
        if not kind:
            tags += ["O"] * words
            continue
        first, inside, last, single = PREFIXES[scheme]
        if scheme == "IOB1" and place and parts[place - 1][0] == kind:
            first = single = "B"
        prefixes = [single] if words == 1 else [first, *[inside] * (words - 2), last]
        tags += [f"{prefix}-{kind}" for prefix in prefixes]
    return tags


@given(entities, st.sampled_from(sorted(PREFIXES)))
def test_every_scheme_gives_the_same_tags(parts: list[tuple[str, int]], scheme: str) -> None:
    assert list(to_iob2(tag(parts, scheme))) == tag(parts, "IOB2")


@given(st.lists(st.sampled_from(list_tags(["PER", "LOC"])), max_size=10))
def test_entities_are_those_that_seqeval_counts(tags: list[str]) -> None:
    from seqeval.metrics.sequence_labeling import get_entities

    converted = list(to_iob2(tags))
    assert get_entities(converted) == get_entities(tags)
    assert list(to_iob2(converted)) == converted


def test_a_tag_of_no_scheme_is_refused_at_its_place() -> None:
    converted = to_iob2(["O", "I-PER", "NN"])
    assert [next(converted), next(converted)] == ["O", "B-PER"]
    with pytest.raises(BadValue, match="'NN'"):
        next(converted)


@pytest.mark.parametrize("name", [*NAMED, "conll"])
def test_a_recipe_opens_its_benchmark(name: str) -> None:
    config = compose_verb("finetune", "checkpoint=RUN", f"task={name}", "data_root=FOLDER")
    assert isinstance(open_benchmark(config), Conll)
    assert config.train.keep.value == "best"
    assert config.train.validation_samples is None


@pytest.fixture(scope="session")
def real_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = SHARED_DATA / "ner.tar.xz"
    if not archive.is_file():
        pytest.skip(f"needs the benchmark's files: {archive}")
    folder = tmp_path_factory.mktemp("ner")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder


def test_real_wikiann_has_its_official_counts(real_root: Path) -> None:
    task = open_task("wikiann", real_root)
    counts = {split: task.load(split) for split in ("train", "dev", "test")}
    assert [len(examples.rows) for examples in counts.values()] == [20000, 10000, 10000]
    assert not any(examples.left_out for examples in counts.values())
    found = Counter(tag for row in counts["train"].rows for tag in tags_of(task, row))
    lines = (real_root / "ner/wikiann-en/train.txt").read_text().splitlines()
    assert found == Counter(line.split("\t")[1] for line in lines if line)  # IOB2 as it is


def test_real_wikigold_is_split_without_a_loss(real_root: Path) -> None:
    task = open_task("wikigold", real_root)
    train, dev = task.load("train"), task.load("dev")
    assert len(train.rows) + len(dev.rows) == 1696
    assert len(dev.rows) == 319
    assert not train.left_out + dev.left_out
    assert sum(len(row.words) for row in train.rows + dev.rows) == 39007
