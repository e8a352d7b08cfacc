"""From preprocessed text to pieces: a SentencePiece model and ALBERT's rule for a comma after a digit."""

import os
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import sentencepiece

from albert_lab.errors import UserError
from albert_lab.storage.files import read_bytes
from albert_lab.tokenizer.cached_state import WithoutCaches
from albert_lab.tokenizer.preprocessing import Span

SPACE = "▁"  # how SentencePiece writes the space before a word
_SMALLEST_BATCH = 32  # measured: from this size on one batch call is no slower than single calls
_CHARACTERS_PER_THREAD = 20_000  # about a millisecond of work; a thread starts in a tenth of that


class PieceSpan(NamedTuple):
    """A piece as text, and the characters of the encoded text that it covers (its space too, where it has one)."""

    piece: str
    span: Span


class PieceModel(WithoutCaches):
    """A SentencePiece model from the bytes of a `.model` file; it pickles, for the workers of a DataLoader.

    name: what error messages call the bytes. options: SentencePieceProcessor's.

    Raises: UserError for bytes that are not a model.
    """

    def __init__(self, model: bytes, name: str = "the vocabulary", **options: Any):
        self.bytes = model
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=model, **options)
            self.pieces: list[str] = self._model.id_to_piece(list(range(self._model.vocab_size())))
        except (RuntimeError, OSError, UnicodeDecodeError):  # the last: of a piece
            raise UserError(f"{name} is not a SentencePiece model") from None
        if not self.pieces:
            raise UserError(f"{name} is not a SentencePiece model")
        self.unk_id: int = self._model.unk_id()

    @classmethod
    def load(cls, file: str | os.PathLike[str], key: str = "vocab_file", **options: Any) -> "PieceModel":
        """Reads a `.model` file. Raises: UserError, naming `key`, where it is missing or not a model."""
        try:
            model = read_bytes(Path(file))
        except UserError as error:
            raise UserError(f"{key}={error}") from None
        return cls(model, f"{key}={os.fspath(file)}", **options)

    def __len__(self) -> int:
        return len(self.pieces)

    def id_of(self, piece: str) -> int:
        """The id of a piece; that of the unknown piece for any other text."""
        return int(self._model.piece_to_id(piece))

    def is_unsplittable(self, piece: str) -> bool:
        """Whether it is a symbol that training was asked to keep whole, such as "(": only those have no score."""
        index = self.id_of(piece)
        return index != self.unk_id and not self._model.is_control(index) and self._model.get_score(index) == 0

    def tokenize(self, text: str) -> list[str]:
        """The pieces of one preprocessed text; unknown characters in a row are one piece, as they are written."""
        pieces: list[str] = self._run(text, str)
        return [part for piece in pieces for part in (self._split_comma(piece) if has_comma(piece) else (piece,))]

    def find_spans(self, text: str) -> list[PieceSpan]:
        """`tokenize`, each piece with its span in `text`."""
        found = self._run(text, "offset_mapping")
        spans: list[PieceSpan] = []
        for piece, span in zip(found["pieces"], self._correct_spans(text, found), strict=True):
            spans += self._split_span(piece, span, text) if has_comma(piece) else (PieceSpan(piece, span),)
        return spans

    def encode(self, texts: Sequence[str], threads: int | None = None) -> list[list[int]]:
        """The ids of many preprocessed texts at once. threads: None picks as many as are worth it."""
        if len(texts) < _SMALLEST_BATCH:  # a batch starts threads, even one
            rows: list[list[int]] = [self._run(text, int) for text in texts]
        else:
            rows = self._run(list(texts), int, num_threads=threads or _count_threads(texts))
        parts = self._parts_of_ids
        return [
            row if parts.keys().isdisjoint(row) else [new for old in row for new in parts.get(old, (old,))]
            for row in rows
        ]

    def _correct_spans(self, text: str, found: dict[str, Any]) -> list[Span]:
        """SentencePiece's spans, corrected for a character that became several, as ¼ does.

        SentencePiece gives all of them but the last an empty span before the character; here each covers all of it.
        """
        plain, origins = self._model.normalize(text, with_offsets=True)
        ends = list(accumulate(map(len, found["pieces"])))
        if not ends or ends[-1] != len(plain):
            return list(found["offsets"])
        spans: list[Span] = []
        for end, (first, last) in zip(ends, found["offsets"], strict=True):
            if plain[end - 1] != SPACE and origins[end] == origins[end - 1]:
                last = next((origin for origin in origins[end:] if origin > origins[end]), last)
            spans.append((first, last))
        return spans

    def offsets_from_lengths(self, text: str, ids: list[int], start: int = 0) -> list[Span] | None:
        """The offsets of each piece's visible characters, from the lengths of pieces; None where those don't suffice.

        They do for plain text, unless several runs of unknown characters are longer than one character.
        start: the offset of the text itself.
        """
        if not self._has_space or not _is_plain(text):
            return None
        lengths = [self._lengths[index] for index in ids]
        missing = len(text) + 1 - sum(lengths)  # one more than the text: the ▁ before its first word
        if missing:
            if ids.count(self.unk_id) != 1:
                return None
            lengths[ids.index(self.unk_id)] += missing  # unknown characters are as many as the other pieces leave
        ends = list(accumulate(lengths, initial=start - 1))
        spaces = self._leading_spaces
        spans = [(first + spaces[index], end) for first, end, index in zip(ends, ends[1:], ids, strict=False)]
        if spans and spans[0][0] < start:
            spans[0] = (start, spans[0][1])  # a lone ▁ before the text's first character
        return spans

    @cached_property
    def _lengths(self) -> list[int]:
        return [1 if index == self.unk_id else len(piece) for index, piece in enumerate(self.pieces)]

    @cached_property
    def _leading_spaces(self) -> list[int]:
        """1 for pieces that begin with a ▁ and go on after it."""
        return [int(piece.startswith(SPACE) and len(piece) > 1) for piece in self.pieces]

    @cached_property
    def _has_space(self) -> bool:
        return self.id_of(SPACE) != self.unk_id

    def is_all_unknown(self, token: str) -> bool:
        """Whether the model knows none of a token's characters."""
        return all(self.id_of(character) == self.unk_id for character in token)

    @cached_property
    def _parts_of_ids(self) -> dict[int, list[int]]:
        """What replaces each piece that ends in a digit and a comma."""
        return {
            index: [self.id_of(part) for part in self._split_comma(piece)]
            for index, piece in enumerate(self.pieces)
            if has_comma(piece)
        }

    def _split_comma(self, piece: str) -> list[str]:
        """The digits encoded again and the comma by itself (Google's encode_pieces).

        Like Hugging Face's slow tokenizer this leaves out the extra ▁ that Google's code adds on Python 3.
        """
        parts: list[str] = self._model.encode(piece[:-1].replace(SPACE, ""), out_type=str)
        if not piece.startswith(SPACE) and parts and parts[0].startswith(SPACE):
            parts = parts[1:] if parts[0] == SPACE else [parts[0][1:], *parts[1:]]
        return [*parts, ","]

    def _split_span(self, piece: str, span: Span, text: str) -> list[PieceSpan]:
        """The digits cover the characters before the comma, in order."""
        *digits, comma = self._split_comma(piece)
        start, end = span[0], text.rfind(",", *span)  # a dropped character may follow the comma
        if end < 0:  # written as another one, such as a full-width comma
            end = span[1] - 1
        lengths = [end - start] if len(digits) == 1 else [len(part) for part in digits]
        if len(digits) > 1 and digits[0].startswith(SPACE):
            # the text has no such space, as at its start; or several, which became one
            lengths[0] += max(-1, end - start - sum(lengths))
        spans = []
        for part, length in zip(digits, lengths, strict=True):
            spans.append(PieceSpan(part, (start, min(start + length, end))))
            start = spans[-1].span[1]
        return [*spans, PieceSpan(comma, (end, end + 1))]

    def _run(self, text: str | list[str], kind: Any, **options: Any) -> Any:
        try:
            return self._model.encode(text, return_type=kind, **options)
        except RuntimeError:  # from its C++, for text that UTF-8 can't encode
            raise UserError(
                "a text has half of a surrogate pair (U+D800 to U+DFFF), which is not a character"
            ) from None

    def decode(self, pieces: Sequence[str]) -> str:
        """The text that pieces spell."""
        return str(self._model.decode(list(pieces)))

    def decode_ids(self, ids: Sequence[int]) -> str:
        return str(self._model.decode(list(map(int, ids))))


def has_comma(piece: str) -> bool:
    """Whether a piece ends in a comma after a digit, which ALBERT makes a piece of its own."""
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def _is_plain(text: str) -> bool:
    """Whether SentencePiece keeps every character as it is."""
    return text.isascii() and text.isprintable() and "  " not in text and text == text.strip()


def _count_threads(texts: Sequence[str]) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, len(texts), sum(map(len, texts)) // _CHARACTERS_PER_THREAD))
