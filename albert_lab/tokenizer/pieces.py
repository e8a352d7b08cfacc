"""Preprocessed text to pieces: a SentencePiece model and ALBERT's rule for a comma after a digit."""

import os
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import sentencepiece

from albert_lab.errors import UserError
from albert_lab.tokenizer.preprocess import Span

SPACE = "▁"  # how SentencePiece writes the space before a word
_FEW = 32  # measured: from here on the batch call is no slower than single ones
_CHARACTERS_WORTH_A_THREAD = 20_000  # about a millisecond of work; a thread starts in a tenth of that


class PieceSpan(NamedTuple):
    """A piece as text, and the characters of the encoded text that it covers (its space too, where it has one)."""

    piece: str
    span: Span


class PieceModel:
    """A SentencePiece model from the bytes of a `.model` file; pickles, so that workers of a DataLoader can have it.

    Raises: UserError for bytes that are no model.
    """

    def __init__(self, model: bytes, name: str = "the vocabulary", **options: Any):
        self.bytes = model
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=model, **options)
        except (RuntimeError, OSError):
            raise UserError(f"{name} is no SentencePiece model") from None
        self.pieces: list[str] = self._model.id_to_piece(list(range(self._model.vocab_size())))
        if not self.pieces:
            raise UserError(f"{name} is no SentencePiece model")
        self.unk_id: int = self._model.unk_id()

    @classmethod
    def load(cls, file: str | os.PathLike[str], key: str = "vocab_file", **options: Any) -> "PieceModel":
        """Reads a `.model` file. Raises: UserError, naming `key`, where it is missing or no model."""
        try:
            model = Path(file).read_bytes()
        except OSError as error:
            raise UserError(f"{key}={os.fspath(file)} can't be read: {error.strerror}") from None
        return cls(model, f"{key}={os.fspath(file)}", **options)

    def __len__(self) -> int:
        return len(self.pieces)

    def id_of(self, piece: str) -> int:
        """The id of a piece; that of the unknown piece for any other text."""
        return int(self._model.piece_to_id(piece))

    def is_never_cut(self, piece: str) -> bool:
        """Whether it is a symbol that the model was told to keep whole, such as "(": those alone have no score."""
        index = self.id_of(piece)
        return index != self.unk_id and not self._model.is_control(index) and self._model.get_score(index) == 0

    def tokens(self, text: str) -> list[str]:
        """The pieces of one preprocessed text; an unknown stretch of it is one piece, as it is written."""
        pieces: list[str] = self._encode(text, str)
        return [new for piece in pieces for new in (self._split(piece) if has_comma(piece) else (piece,))]

    def spans(self, text: str) -> list[PieceSpan]:
        """`tokens`, each with its place in `text`."""
        found = self._encode(text, "offset_mapping")
        spans: list[PieceSpan] = []
        for piece, span in zip(found["pieces"], self._whole(text, found), strict=True):
            spans += self._split_span(piece, span) if has_comma(piece) else (PieceSpan(piece, span),)
        return spans

    def ids(self, texts: Sequence[str], threads: int | None = None) -> list[list[int]]:
        """The ids of many preprocessed texts at once; threads: as many as pay where None is given."""
        if len(texts) < _FEW:  # a batch starts threads, even one
            rows: list[list[int]] = [self._encode(text, int) for text in texts]
        else:
            rows = self._encode(list(texts), int, num_threads=threads or _threads(texts))
        return [row if self._replaced.keys().isdisjoint(row) else self._mended(row) for row in rows]

    def _whole(self, text: str, found: dict[str, Any]) -> list[Span]:
        """The recorded places, mended for a character that became several, as ¼ does.

        SentencePiece puts all of them but the last in a place of no width before it; each has the whole of it here.
        """
        plain, origins = self._model.normalize(text, with_offsets=True)
        ends = list(accumulate(map(len, found["pieces"])))
        if not ends or ends[-1] != len(plain):
            return list(found["offsets"])
        spans: list[Span] = []
        for end, (first, last) in zip(ends, found["offsets"], strict=True):
            if plain[end - 1] != SPACE and origins[end] == origins[end - 1]:
                last = next((place for place in origins[end:] if place > origins[end]), last)
            spans.append((first, last))
        return spans

    def places(self, text: str, ids: list[int], start: int = 0) -> list[Span] | None:
        """Where each piece's visible characters are, from the lengths of pieces alone; None where those don't say.

        They do for plain text, unless several stretches that the model doesn't know are longer than a character.
        start: where the text itself begins.
        """
        if not self._has_space or not _is_plain(text):
            return None
        widths = [self._widths[index] for index in ids]
        missing = len(text) + 1 - sum(widths)  # one more than the text: the ▁ before its first word
        if missing:
            if ids.count(self.unk_id) != 1:
                return None
            widths[ids.index(self.unk_id)] += missing  # what is unknown is as long as what the others leave
        ends = list(accumulate(widths, initial=start - 1))
        skipped = self._spaces
        spans = [(first + skipped[index], end) for first, end, index in zip(ends, ends[1:], ids, strict=False)]
        if spans and spans[0][0] < start:
            spans[0] = (start, spans[0][1])  # a lone ▁ before the text's first character
        return spans

    @cached_property
    def _widths(self) -> list[int]:
        return [1 if index == self.unk_id else len(piece) for index, piece in enumerate(self.pieces)]

    @cached_property
    def _spaces(self) -> list[int]:
        """1 for the pieces that have more than their space."""
        return [int(piece.startswith(SPACE) and len(piece) > 1) for piece in self.pieces]

    @cached_property
    def _has_space(self) -> bool:
        return self.id_of(SPACE) != self.unk_id

    def names_unknown(self, token: str) -> bool:
        """Whether a text could spell `token` entirely in characters that the model doesn't know."""
        return all(self.id_of(character) == self.unk_id for character in token)

    def _mended(self, row: list[int]) -> list[int]:
        return [new for old in row for new in self._replaced.get(old, (old,))]

    @cached_property
    def _replaced(self) -> dict[int, list[int]]:
        """What follows for a piece that ends in a digit and a comma depends on that piece alone: worked out once."""
        return {
            index: [self.id_of(part) for part in self._split(piece)]
            for index, piece in enumerate(self.pieces)
            if has_comma(piece)
        }

    def _split(self, piece: str) -> list[str]:
        """The digits encoded again and the comma by itself (Google's encode_pieces).

        Like Hugging Face's slow tokenizer this leaves out the extra ▁ that Google's code adds on Python 3.
        """
        parts: list[str] = self._model.encode(piece[:-1].replace(SPACE, ""), out_type=str)
        if not piece.startswith(SPACE) and parts and parts[0].startswith(SPACE):
            parts = parts[1:] if parts[0] == SPACE else [parts[0][1:], *parts[1:]]
        return [*parts, ","]

    def _split_span(self, piece: str, span: Span) -> list[PieceSpan]:
        """The comma is the last character; the digits before it are dealt out in order."""
        *digits, comma = self._split(piece)
        place, end = span[0], span[1] - 1
        covered = [end - place] if len(digits) == 1 else [len(part) for part in digits]
        if len(digits) > 1 and digits[0].startswith(SPACE):
            # the text has no such space, as at its start; or several, which became one
            covered[0] += max(-1, end - place - sum(covered))
        spans = []
        for part, length in zip(digits, covered, strict=True):
            spans.append(PieceSpan(part, (place, min(place + length, end))))
            place = spans[-1].span[1]
        return [*spans, PieceSpan(comma, (end, span[1]))]

    def _encode(self, text: str | list[str], kind: Any, **options: Any) -> Any:
        try:
            return self._model.encode(text, return_type=kind, **options)
        except RuntimeError:  # what its C++ says of text that UTF-8 can't hold
            raise UserError("a text has half of a surrogate pair (U+D800 to U+DFFF), which is no character") from None

    def decode(self, pieces: Sequence[str]) -> str:
        """The text that pieces spell."""
        return str(self._model.decode(list(pieces)))

    def decode_ids(self, ids: Sequence[int]) -> str:
        return str(self._model.decode(list(map(int, ids))))


def has_comma(piece: str) -> bool:
    """Whether ALBERT takes a piece's comma off: one that follows a digit."""
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def _is_plain(text: str) -> bool:
    """Whether SentencePiece keeps every character as it is."""
    return text.isascii() and text.isprintable() and "  " not in text and text == text.strip()


def _threads(texts: Sequence[str]) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, len(texts), sum(map(len, texts)) // _CHARACTERS_WORTH_A_THREAD))
