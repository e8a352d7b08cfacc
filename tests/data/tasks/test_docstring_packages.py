"""The labelled docstrings: balanced, split by module, without the packages' names, the same every time."""

from pathlib import Path

import pytest

from albert_lab.data.corpora.docstrings import Module
from albert_lab.data.splits import SPLITS
from albert_lab.data.tasks import docstring_packages
from albert_lab.data.tasks.docstring_packages import PACKAGES, cut_passages, load_examples, make_examples
from albert_lab.errors import UserError

MODULES = [
    Module(package, f"{package}/module_{number}.py", [f"{package} {number} says {line}." for line in range(length)])
    for package, length in (("alpha", 25), ("beta", 12))
    for number in range(40)
]


def test_both_splits_are_balanced_and_share_no_module() -> None:
    splits = make_examples(MODULES, ["alpha", "beta"])
    modules = {}
    for split, examples in splits.items():
        assert examples.label_names == ["alpha", "beta"]
        assert examples.labels.count(0) == examples.labels.count(1) > 0
        assert examples.majority_share == 0.5
        for text, label in zip(examples.texts, examples.labels, strict=True):
            assert text.startswith(examples.label_names[label])
        modules[split] = {" ".join(text.split()[:2]) for text in examples.texts}
    assert not modules["train"] & modules["held_out"]


def test_the_order_of_the_modules_does_not_matter() -> None:
    assert make_examples(MODULES[::-1], ["alpha", "beta"]) == make_examples(MODULES, ["alpha", "beta"])


def test_a_sentence_with_a_packages_name_is_left_out() -> None:
    named = ["PyTorch has tensors.", "Import it as np or so.", "See scikit-learn for more.", "A TorchScript graph."]
    plain = [f"Sentence number {number} is spare." for number in range(11)]
    assert cut_passages(named[:2] + plain + named[2:]) == [" ".join(plain[:5]), " ".join(plain[5:10])]


def test_real_docstrings_are_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstring_packages, "PACKAGES", ("networkx", "SQLAlchemy"))
    built = {split: load_examples(tmp_path, split, workers=1) for split in SPLITS}
    monkeypatch.setattr(docstring_packages, "read_modules", lambda *_: pytest.fail("built again"))
    assert {split: load_examples(tmp_path, split) for split in SPLITS} == built
    assert len(built["train"].texts) > len(built["held_out"].texts) > 20
    assert built["train"].label_names == ["SQLAlchemy", "networkx"]
    text = " ".join(text for examples in built.values() for text in examples.texts).lower()
    assert not [name for name in PACKAGES if name.lower() in text]


def test_too_few_packages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstring_packages, "PACKAGES", ("networkx",))
    with pytest.raises(UserError, match="at least two of these packages"):
        load_examples(tmp_path, "train")
