"""The pieces of one text before special tokens, truncation and padding."""

from dataclasses import dataclass, field
from enum import IntEnum

from albert_lab.tokenizer.preprocessing import Span

Word = int | None


class Detail(IntEnum):
    """How much is computed for each piece; every level includes those before it."""

    ids = 0
    offsets = 1
    tokens = 2  # and words


@dataclass(slots=True)
class EncodedText:
    """The ids of one text; with more detail its offsets, tokens and words, each as long as `ids`, otherwise empty."""

    ids: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    offsets: list[Span] = field(default_factory=list)  # characters of the text as the user passed it
    words: list[Word] = field(default_factory=list)  # index of the word, between white space or as the user split it
    detail: Detail = Detail.ids

    def part(self, piece_range: slice) -> "EncodedText":
        """The pieces in a range."""
        return EncodedText(
            self.ids[piece_range],
            self.tokens[piece_range],
            self.offsets[piece_range],
            self.words[piece_range],
            self.detail,
        )

    def extend(self, other: "EncodedText") -> None:
        """Appends the pieces of another text."""
        self.ids += other.ids
        self.tokens += other.tokens
        self.offsets += other.offsets
        self.words += other.words
        self.detail = other.detail


Pair = tuple[EncodedText, EncodedText | None]
