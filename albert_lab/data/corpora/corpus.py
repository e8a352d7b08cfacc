"""What every corpus can do, and how `data.corpus` finds its class.

To add a corpus, write two files: in this folder a subclass of `Corpus` with a `name`, `identity()` and `lines()`, and
`conf/data/<name>.yaml` with `corpus: <name>`.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from albert_lab.config.training import DataConfig, TextFormat
from albert_lab.data import corpora
from albert_lab.data.corpora.documents import Line, Part, cut_parts, sentences_of
from albert_lab.errors import UserError, nearest

_RECIPE_VERSION = 1  # raise it when the same text would give another vocabulary or other sentences


class Corpus(ABC):
    """A source of text with the settings of `data`; `cache` is the folder where it may keep files.

    Subclasses import heavy libraries inside their methods: every module of the folder is imported to find their names.

    Raises: UserError for a setting that the corpus needs and lacks.
    """

    name: ClassVar[str]  # the value of `data.corpus`
    line_format: ClassVar[TextFormat | None] = None  # what its lines always are; None: what `data.format` says

    def __init__(self, data: DataConfig, cache: Path) -> None:
        self.data, self.cache = data, cache
        self.format = self.line_format or data.format
        self.check_settings()

    def check_settings(self) -> None:
        """Raises UserError for a missing setting; touches neither files nor network."""
        return

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What the text is determined by, for fingerprints: versions of packages, digests of files, a hub revision."""

    @abstractmethod
    def lines(self, workers: int | None = None) -> Iterator[Line]:
        """The text in order. `workers`: processes that may help (None: the cores).

        Raises: UserError for whatever is wrong with the source.
        """

    def recipe(self) -> dict[str, Any]:
        """Everything that determines its sentences and their split; its hash names the folders built from them."""
        data = self.data
        recipe = {
            "version": _RECIPE_VERSION,
            "corpus": self.identity(),
            "max_documents": data.max_documents,
            "held_out": data.held_out,
        }
        if self.line_format is None:
            recipe |= {"format": data.format.value, "text_key": data.text_key, "pattern": data.document_pattern}
        return recipe

    def parts(self, workers: int | None = None) -> Iterator[Part]:
        """At most `data.max_documents` documents in parts of bounded size.

        Raises: UserError as `lines` does, and for a corpus without text.
        """
        empty = True
        for part in cut_parts(self.lines(workers), self.data.max_documents):
            empty = empty and not any(line.strip() for line in part.lines)
            yield part
        if empty:
            raise UserError(f"the corpus is empty: data.corpus={self.name} gave no line of text")

    def documents(self, workers: int | None = None) -> Iterator[list[str]]:
        """The documents that have a sentence, each a list of sentences (`parts` bounds memory, this doesn't)."""
        number, sentences = 0, list[str]()
        for part in self.parts(workers):
            if part.document != number and sentences:
                yield sentences
                sentences = []
            number = part.document
            sentences += sentences_of(part.lines, self.format)
        if sentences:
            yield sentences


def open_corpus(data: DataConfig, cache: Path) -> Corpus:
    """The corpus that `data` describes. Raises: UserError for an unknown `data.corpus` or a missing setting."""
    for module in pkgutil.iter_modules(corpora.__path__):
        importlib.import_module(f"{corpora.__name__}.{module.name}")
    kinds = {kind.name: kind for kind in Corpus.__subclasses__()}
    if data.corpus not in kinds:
        raise UserError(f"data.corpus={data.corpus!r} is not a corpus{nearest(data.corpus, kinds)}")
    return kinds[data.corpus](data, cache)
