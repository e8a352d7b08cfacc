"""From texts to pieces: text by text, or whole batches at once with offsets.

SentencePiece's own search finds the pieces in both. The `tokenizers` library's Unigram adds scores in another
precision, so where two ways to split a word score alike ("!!!!!!!") it takes the other one; and it is slower.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Protocol

from albert_lab.errors import UserError
from albert_lab.tokenizer.encoded_text import Detail, EncodedText, Word
from albert_lab.tokenizer.piece_model import SPACE
from albert_lab.tokenizer.preprocessing import Preprocessing, Span
from albert_lab.tokenizer.splitting import Segment
from albert_lab.tokenizer.token_table import TokenTable


class Finder(Protocol):
    """Finds the pieces of texts."""

    has_offsets: bool  # whether it can give more than ids

    def encode(self, texts: Sequence[str], split_special_tokens: bool, detail: Detail) -> list[EncodedText]:
        """The pieces of each text. split_special_tokens: special tokens count as ordinary text."""


def find_tokens(text: str, split_special_tokens: bool, table: TokenTable, preprocessing: Preprocessing) -> list[str]:
    """The pieces of one text as text, added tokens among them."""
    tokens: list[str] = []
    for segment in table.splitter.split(text, split_special_tokens):
        if segment.token is not None:
            tokens.append(segment.text)
        else:
            tokens += table.model.tokenize(preprocessing(segment.text))
    return tokens


class SingleFinder:
    """Text by text, as plainly as the rules read; ids only."""

    has_offsets = False

    def __init__(self, table: TokenTable, preprocessing: Preprocessing):
        self._table, self._preprocessing = table, preprocessing

    def encode(self, texts: Sequence[str], split_special_tokens: bool, detail: Detail) -> list[EncodedText]:
        if detail is not Detail.ids:
            raise UserError(
                "return_offsets_mapping needs the fast tokenizer: AlbertTokenizerFast instead of AlbertTokenizer"
            )
        tokens = (find_tokens(text, split_special_tokens, self._table, self._preprocessing) for text in texts)
        return [EncodedText([self._table.id_of(token) for token in row]) for row in tokens]


class BatchFinder:
    """All texts in one call of SentencePiece, which may use several threads; with offsets, tokens and words."""

    has_offsets = True

    def __init__(self, table: TokenTable, preprocessing: Preprocessing):
        self._table, self._preprocessing = table, preprocessing
        self._model = table.model

    def encode(self, texts: Sequence[str], split_special_tokens: bool, detail: Detail) -> list[EncodedText]:
        split = [self._table.splitter.split(text, split_special_tokens) for text in texts]
        plain = [self._preprocessing(part.text) for segments in split for part in segments if part.token is None]
        found = zip(plain, self._find_ids(plain), strict=True)
        if detail is not Detail.ids:
            return [self._locate(text, segments, found, detail) for text, segments in zip(texts, split, strict=True)]
        return [EncodedText(self._join_ids(segments, found)) for segments in split]

    def _find_ids(self, plain: list[str]) -> list[list[int]]:
        """The ids of preprocessed texts without added tokens."""
        rows = self._model.encode(plain)
        if not self._table.unknown_text_may_be_a_token:
            return rows
        unknown, id_of = self._model.unk_id, self._table.id_of
        return [
            [id_of(token) for token in self._model.tokenize(text)] if unknown in row else row
            for text, row in zip(plain, rows, strict=True)
        ]

    def _join_ids(self, segments: list[Segment], found: Iterator[tuple[str, list[int]]]) -> list[int]:
        if len(segments) == 1 and segments[0].token is None:
            return next(found)[1]
        ids: list[int] = []
        for segment in segments:
            ids += next(found)[1] if segment.token is None else (self._table.added_tokens_encoder[segment.text],)
        return ids

    def _locate(
        self, text: str, segments: list[Segment], found: Iterator[tuple[str, list[int]]], detail: Detail
    ) -> EncodedText:
        """The pieces of a text with their offsets in it, and the words between white space that they belong to."""
        whole = EncodedText(detail=detail)
        for segment in segments:
            word = (whole.words[-1] or 0) + 1 if whole.words else 0
            if segment.token is None:
                plain, ids = next(found)
                whole.extend(self._locate_segment(segment, plain, ids, detail, word))
            else:
                span = (segment.start, segment.start + len(segment.text))
                index = self._table.added_tokens_encoder[segment.text]
                whole.extend(EncodedText([index], [segment.text], [span], [word], detail))
        origins = self._table.splitter.find_origins(text)
        if origins is not None:
            whole.offsets = [_map_back(origins, span) for span in whole.offsets]
        return whole

    def _locate_segment(self, segment: Segment, plain: str, ids: list[int], detail: Detail, word: int) -> EncodedText:
        """The pieces of a segment, with offsets in the lowercased text. plain: the segment after preprocessing."""
        start = segment.text.find(plain)  # found: preprocessing removed nothing but white space around it
        offsets = self._model.offsets_from_lengths(plain, ids, segment.start + start) if start >= 0 else None
        if offsets is None or detail is Detail.tokens:
            found = self._model.find_spans(plain)
        if offsets is None:
            spans = [_without_space(piece, span, plain) for piece, span in found]
            if plain != segment.text:
                origins = self._preprocessing.align(segment.text)[1]
                spans = [_map_back(origins, span) for span in spans]
            offsets = [(first + segment.start, end + segment.start) for first, end in spans]
        if detail is not Detail.tokens:
            return EncodedText(ids, [], offsets, [], detail)
        tokens = [piece for piece, _ in found]
        words: list[Word] = [*accumulate((token[:1] == SPACE for token in tokens[1:]), initial=word)]
        return EncodedText(ids, tokens, offsets, words[: len(ids)], detail)


def _without_space(piece: str, span: Span, text: str) -> Span:
    """A piece's span without the space before its word; a lone ▁ is that space."""
    first, end = span
    has_space = piece != SPACE and piece[:1] == SPACE and text[first : first + 1] in (" ", SPACE)
    return (first + 1, end) if has_space else span


def _map_back(origins: Sequence[Span], span: Span) -> Span:
    """The span in an earlier form of the text. origins: the earlier span of each character of the later form."""
    first, end = span
    if first < end:
        return origins[first][0], origins[end - 1][1]
    at = origins[first][0] if first < len(origins) else (origins[-1][1] if origins else 0)
    return at, at
