"""The pieces of one text, cut and put together; and the `tokenizers.Encoding` of a finished row."""

import json
from dataclasses import dataclass, field
from enum import IntEnum

from tokenizers import Encoding

from albert_lab.tokenizer.preprocess import Span

Word = int | None


class Depth(IntEnum):
    """How much of a text's pieces is worked out."""

    ids = 0
    places = 1
    all = 2  # tokens and words too


@dataclass(slots=True)
class Encoded:
    """The ids of one text; its tokens, places and words too, where asked for (each as long as `ids`, or empty)."""

    ids: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    offsets: list[Span] = field(default_factory=list)  # characters of the text as the user gave it
    words: list[Word] = field(default_factory=list)  # which word of the text: between white space, or as the user split
    depth: Depth = Depth.ids

    def cut(self, part: slice) -> "Encoded":
        return Encoded(self.ids[part], self.tokens[part], self.offsets[part], self.words[part], self.depth)

    def extend(self, other: "Encoded") -> None:
        self.ids += other.ids
        self.tokens += other.tokens
        self.offsets += other.offsets
        self.words += other.words
        self.depth = other.depth


@dataclass(slots=True)
class Row:
    """A finished row before padding: special tokens in their places."""

    ids: list[int]
    type_ids: list[int]
    special: list[int]
    tokens: list[str] = field(default_factory=list)
    offsets: list[Span] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    sequences: list[Span] = field(default_factory=list)  # [first, last + 1) tokens of each text

    def encoding(self, ids: list[int], mask: list[int], side: str, pad: tuple[str, int]) -> Encoding:
        """The library's object, which answers for words, characters and sequences; `ids` and `mask` with padding.

        pad: the padding token and its type id.
        """
        extra = len(ids) - len(self.ids)
        before, after = (extra, 0) if side == "left" else (0, extra)
        token, type_id = pad
        encoding = Encoding()
        state = {
            "ids": ids,
            "type_ids": [type_id] * before + self.type_ids + [type_id] * after,
            "tokens": [token] * before + self.tokens + [token] * after,
            "words": [None] * before + self.words + [None] * after,
            "offsets": [(0, 0)] * before + self.offsets + [(0, 0)] * after,
            "special_tokens_mask": [1] * before + self.special + [1] * after,
            "attention_mask": mask,
            "overflowing": [],
            "sequence_ranges": {
                str(i): {"start": first + before, "end": end + before} for i, (first, end) in enumerate(self.sequences)
            },
        }
        encoding.__setstate__(json.dumps(state).encode())
        return encoding
