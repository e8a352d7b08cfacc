"""Which package does this docstring come from? A labelled data set of ten classes that needs no download.

The classes are the ten packages of the docstrings corpus with the most text. An example is a passage of five
consecutive sentences of one module. Both splits are balanced, so always predicting one class scores 10 %. A module is
in one split only.

A sentence that names any of the ten packages, or an alias such as `np`, is left out: the label is never in the text,
and the absence of a name says nothing either. What still gives a package away is its subject and house style, which is
what the task asks for, but also the names of its own parts and partners (`ExtensionArray`, `LangChain`). With the
versions of `constraints.txt` a logistic regression on a bag of words gets 76 % of the held-out passages right. An
encoder that was pre-trained on the docstrings corpus has read the held-out texts too, though never their labels.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from albert_lab.config.training import TaskConfig
from albert_lab.data.corpora.docstrings import Module, installed_packages, read_modules
from albert_lab.data.corpora.readers import read_lines
from albert_lab.data.recipe import recipe_hash
from albert_lab.data.splits import SPLITS, split_number
from albert_lab.data.tasks.benchmark import Benchmark
from albert_lab.data.tasks.examples import Examples, TextExample
from albert_lab.data.tasks.labelled_texts import LabelledTexts
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.errors import UserError, nearest
from albert_lab.storage.files import write_json
from albert_lab.storage.folders import build_folder
from albert_lab.storage.locks import lock

PACKAGES = (
    "torch", "sympy", "scipy", "mlflow", "pandas", "scikit-learn", "networkx", "numpy", "matplotlib", "SQLAlchemy",
)  # fmt: skip
HELD_OUT_SHARE = 0.2  # of modules
SENTENCES = 5  # in a passage
PASSAGES_PER_MODULE = 8  # at most, so that a few long modules don't make up a class
_RECIPE_VERSION = 1  # raise it when the same packages would give other examples

_NAMES = re.compile(
    r"torch|sympy|scipy|mlflow|pandas|scikit|sklearn|networkx|numpy|matplotlib|sqlalchemy"  # within longer words too
    r"|pyplot|pylab|\b(?:np|sp|pd|plt|mpl|nx|sa)\b",
    re.IGNORECASE,
)

Passage = tuple[float, str]  # (a number that puts the passages in an order of its own, text)


def identity() -> dict[str, Any]:
    """What determines the examples: the recipe and the installed versions of the packages."""
    packages = [[name, version] for name, version in installed_packages() if name in PACKAGES]
    return {"data": "docstring_packages", "recipe": _RECIPE_VERSION, "packages": packages}


def load_examples(cache: Path, split: str, workers: int | None = None) -> LabelledTexts:
    """The examples of "train" or "held_out", in a fixed order; built once and kept under `cache`.

    The first call reads the packages' sources, in about 10 seconds on two cores. `workers`: processes to build with
    (None: the cores).

    Raises: UserError where fewer than two of the packages are installed.
    """
    split_number(split)  # raises for an unknown one
    recipe = identity()
    folder = cache / "tasks" / recipe_hash(recipe)
    if not folder.exists():
        with lock(folder, "the examples of docstring_packages"):
            if not folder.exists():
                _build(folder, recipe, workers)
    return LabelledTexts.load(folder / f"{split}.json")


def _build(folder: Path, recipe: dict[str, Any], workers: int | None) -> None:
    packages = [name for name, _ in recipe["packages"]]
    if len(packages) < 2:
        raise UserError(f"docstring_packages needs at least two of these packages installed: {', '.join(PACKAGES)}")
    splits = make_examples(read_modules(packages, workers), packages)
    with build_folder(folder) as scratch:
        for split, examples in splits.items():
            examples.save(scratch / f"{split}.json")
        write_json(scratch / "manifest.json", {"recipe": recipe})


def make_examples(modules: Iterable[Module], packages: Sequence[str]) -> dict[str, LabelledTexts]:
    """Both splits: every package has as many passages as the smallest one has, in the order of their hashes."""
    passages: dict[str, dict[str, list[tuple[float, str]]]] = {
        split: {name: [] for name in packages} for split in SPLITS
    }
    for module in modules:
        split = "held_out" if _fraction(f"{module.package}/{module.path}") < HELD_OUT_SHARE else "train"
        for number, text in enumerate(cut_passages(module.sentences)):
            order = _fraction(f"{module.package}/{module.path}/{number}")
            passages[split][module.package].append((order, text))
    return {split: _balance(by_package) for split, by_package in passages.items()}


def cut_passages(sentences: list[str]) -> list[str]:
    """Whole passages of a module's sentences, after leaving out those that name one of the packages."""
    nameless = [sentence for sentence in sentences if not _NAMES.search(sentence)]
    count = min(len(nameless) // SENTENCES, PASSAGES_PER_MODULE)
    return [" ".join(nameless[number * SENTENCES : (number + 1) * SENTENCES]) for number in range(count)]


def _balance(by_package: dict[str, list[Passage]]) -> LabelledTexts:
    per_package = min(map(len, by_package.values()))
    examples = [
        (order, text, label)
        for label, passages in enumerate(by_package.values())
        for order, text in sorted(passages)[:per_package]
    ]
    examples.sort()
    return LabelledTexts([text for _, text, _ in examples], [label for *_, label in examples], list(by_package))


def _fraction(name: str) -> float:
    """A number in [0, 1) that follows from the name alone."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) / 2**64


class DocstringPackages(Benchmark):
    """Nothing but the installed packages determines it; `data_root` isn't read."""

    head = "classification"

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        super().__init__(task, data_root, cache)
        self.label_names = tuple(name for name, _ in installed_packages() if name in PACKAGES)

    def identity(self) -> dict[str, Any]:
        return identity()

    def load(self, split: str) -> Examples[TextExample]:
        """The rows of `load_examples`. Raises: UserError as that does, and for "test", which there is none of."""
        if split not in ("train", "dev"):
            raise UserError(f"task={self.task.name} has no split {split!r}{nearest(split, ('train', 'dev'))}")
        texts = load_examples(self.cache, "held_out" if split == "dev" else split)
        rows = enumerate(zip(texts.texts, texts.labels, strict=True))
        return Examples([TextExample(f"{split}-{number}", text, label=label) for number, (text, label) in rows])

    def read(self, file: Path) -> Examples[TextExample]:
        """A passage a line, without labels. Raises: UserError as `Benchmark.read` does."""
        checks, rows = RowChecks(file, self.task.bad_rows), []
        for number, line in read_lines(file):
            if line.strip():
                rows.append(TextExample(f"{file.name}-{number}", line.strip()))
            else:
                checks.refuse(number, "the line is empty")
        return Examples(rows, tuple(checks.left_out))


BENCHMARK = DocstringPackages
