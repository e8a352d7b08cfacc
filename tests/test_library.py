"""The documentation's Python and its table of classes: executed, and held to what is there."""

import re
from pathlib import Path

import pytest

import albert_lab
from albert_lab import AlbertConfig, AlbertForPreTraining, AlbertTokenizer
from tests.lab import ROOT

PAGES = ["README.md", "docs/library.md"]
LIBRARY = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
TABLE = (ROOT / "docs" / "albert.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \|.*\| \[`(\w+)`\]\(\.\./(tests/[\w/]+\.py)\) \|$", TABLE, re.MULTILINE)
RETURNED_OR_INHERITED = {"AlbertForPreTrainingOutput", "AlbertPreTrainedModel"}  # nobody makes one by name
HUGGING_FACES = [name for name in albert_lab.__all__ if name.startswith("Albert")]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A tiny checkpoint with the vocabulary of the golden tokenizer tests."""
    tokenizer = AlbertTokenizer(str(next((ROOT / "tests" / "golden").rglob("*.model"))))
    config = AlbertConfig(
        vocab_size=len(tokenizer),
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    AlbertForPreTraining(config).save_pretrained(tmp_path / "checkpoint")
    tokenizer.save_pretrained(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


@pytest.mark.parametrize("page", PAGES)
def test_a_pages_python_runs_from_top_to_bottom(page: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    monkeypatch.chdir(checkpoint.parent)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block.replace("albert/albert-base-v2", str(checkpoint)), page, "exec"), names)
    assert (checkpoint.parent / "variant" / "model.safetensors").exists()


@pytest.mark.parametrize("name", HUGGING_FACES)
def test_the_page_of_the_library_shows_every_class_in_use(name: str) -> None:
    assert re.search(rf"\b{name}[.(]", LIBRARY) or name in RETURNED_OR_INHERITED


@pytest.mark.parametrize("name", albert_lab.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(albert_lab, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'AlbertForSpeech'"):
        albert_lab.AlbertForSpeech  # noqa: B018


@pytest.mark.parametrize(("row", "test", "file"), ROWS, ids=[row for row, _, _ in ROWS])
def test_a_row_of_the_table_names_a_thing_and_a_test_that_are_there(row: str, test: str, file: str) -> None:
    thing = albert_lab
    for part in row.removesuffix("()").split("."):
        thing = getattr(thing, part)
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (
        f"{file} has no {test}"
    )


def test_every_class_of_the_library_has_a_row() -> None:
    assert set(HUGGING_FACES) <= {row.partition(".")[0] for row, _, _ in ROWS}
