"""What happens to a text before SentencePiece: Google's preprocess_text, with Hugging Face's quotes as a switch."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import filterfalse

_WORD = re.compile(r"\S+")
_QUOTES = ("``", "''")

Span = tuple[int, int]  # [first, last + 1) characters


@dataclass(frozen=True)
class Preprocessing:
    """The switches of `preprocess_text`; Google's code has no `quotes`, Hugging Face's has (`` and '' become ")."""

    lower: bool = True
    remove_space: bool = True
    keep_accents: bool = False
    quotes: bool = True

    def __call__(self, text: str) -> str:
        if self.remove_space:
            text = " ".join(text.split())
        if self.quotes:
            text = text.replace("``", '"').replace("''", '"')
        if not self.keep_accents and not text.isascii():
            text = drop_accents(text)
        return text.lower() if self.lower else text

    def align(self, text: str) -> tuple[str, list[Span]]:
        """The preprocessed text, and for each of its characters the span of `text` that it came from.

        A dropped accent belongs to the character before it, white space to the one space that it became.
        """
        cells = _collapse_space(text) if self.remove_space else [(c, (i, i + 1)) for i, c in enumerate(text)]
        if self.quotes:
            cells = _join_quotes(cells)
        if not self.keep_accents:
            cells = _drop_accents(cells)
        plain = "".join(character for character, _ in cells)
        if not self.lower:
            return plain, [span for _, span in cells]
        # the string is lowercased as a whole (a Σ depends on its neighbours, but never the number of characters)
        return plain.lower(), [span for character, span in cells for _ in character.lower()]


def drop_accents(text: str) -> str:
    return "".join(filterfalse(unicodedata.combining, unicodedata.normalize("NFKD", text)))


Cell = tuple[str, Span]  # a character and where it came from


def _collapse_space(text: str) -> list[Cell]:
    cells: list[Cell] = []
    for word in _WORD.finditer(text):
        if cells:
            cells.append((" ", (cells[-1][1][1], word.start())))
        cells += [(character, (i, i + 1)) for i, character in enumerate(word.group(), word.start())]
    return cells


def _join_quotes(cells: list[Cell]) -> list[Cell]:
    joined: list[Cell] = []
    i = 0
    while i < len(cells):
        pair = "".join(character for character, _ in cells[i : i + 2])
        if pair in _QUOTES:
            joined.append(('"', (cells[i][1][0], cells[i + 1][1][1])))
            i += 2
        else:
            joined.append(cells[i])
            i += 1
    return joined


def _drop_accents(cells: list[Cell]) -> list[Cell]:
    """Character by character: NFKD moves combining marks only, and those are dropped."""
    kept: list[Cell] = []
    for character, (start, end) in cells:
        rest = drop_accents(character)
        if not rest and kept:
            before, (first, _) = kept[-1]
            kept[-1] = (before, (first, end))
        kept += [(part, (start, end)) for part in rest]
    return kept
