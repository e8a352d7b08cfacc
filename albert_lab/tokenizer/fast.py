"""`AlbertTokenizerFast`: whole batches at once, with each token's place in the text and windows over long texts.

SentencePiece's own search finds the pieces here too, through its batch call: the `tokenizers` library's Unigram adds
scores in another precision, so where two ways to cut a word score alike ("!!!!!!!") it takes another one; and it is
slower. That library holds what was found (`BatchEncoding.encodings`), the added tokens, and `tokenizer.json`.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from tokenizers import AddedToken

from albert_lab.tokenizer.base import Pair
from albert_lab.tokenizer.encoded import Depth, Encoded, Row, Word
from albert_lab.tokenizer.files import SavedTokenizer, load_pieces
from albert_lab.tokenizer.options import Options
from albert_lab.tokenizer.pieces import SPACE
from albert_lab.tokenizer.preprocess import Span
from albert_lab.tokenizer.special_tokens import Token
from albert_lab.tokenizer.splitting import Segment
from albert_lab.tokenizer.truncation import cut, windows


class AlbertTokenizerFast(SavedTokenizer):
    """The fast ALBERT tokenizer: the ids, masks and token types of `AlbertTokenizer`, sooner, and more.

    vocab_file: a SentencePiece model; or tokenizer_file: a `tokenizer.json`, from which that model is put together.
    The rest: see `SavedTokenizer`.

    Raises: UserError for a file that is no such file, or another model's.
    """

    is_fast = True

    def __init__(
        self,
        vocab_file: str | None = None,
        tokenizer_file: str | None = None,
        do_lower_case: bool = True,
        remove_space: bool = True,
        keep_accents: bool = False,
        bos_token: Token | None = "[CLS]",
        eos_token: Token | None = "[SEP]",
        unk_token: Token | None = "<unk>",
        sep_token: Token | None = "[SEP]",
        pad_token: Token | None = "<pad>",
        cls_token: Token | None = "[CLS]",
        mask_token: Token | None = "[MASK]",
        *,
        additional_special_tokens: Sequence[Token] | None = None,
        added_tokens_decoder: dict[int, AddedToken] | None = None,
        **settings: Any,
    ):
        self.vocab_file = vocab_file
        pieces, name = load_pieces(vocab_file, tokenizer_file)
        super().__init__(pieces, name, locals())

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, split_special_tokens: bool = False
    ) -> list[str]:
        """The pieces of a text as text, as `AlbertTokenizer` gives them."""
        options = Options(add_special_tokens=add_special_tokens, split_special_tokens=split_special_tokens)
        texts = self._encode_texts([text] if pair is None else [text, pair], options, Depth.all)
        return self._row(texts[0], texts[1] if pair is not None else None, options).tokens

    # From texts to pieces

    def _encode_texts(self, texts: Sequence[str], options: Options, depth: Depth) -> list[Encoded]:
        """Every stretch between added tokens of every text goes to SentencePiece in one call."""
        cut = [self._segments(text, options.split_special_tokens) for text in texts]
        plain = [self._preprocessing(part.text) for segments in cut for part in segments if part.token is None]
        found = zip(plain, self._known(plain), strict=True)
        if depth is not Depth.ids:
            return [self._placed(text, segments, found, depth) for text, segments in zip(texts, cut, strict=True)]
        return [Encoded(self._joined(segments, found)) for segments in cut]

    def _segments(self, text: str, split_special: bool) -> list[Segment]:
        return [Segment(self._splitter.lowered(text), 0)] if split_special else self._splitter.split(text)

    def _joined(self, segments: list[Segment], found: Iterator[tuple[str, list[int]]]) -> list[int]:
        if len(segments) == 1 and segments[0].token is None:
            return next(found)[1]
        ids: list[int] = []
        for segment in segments:
            ids += next(found)[1] if segment.token is None else (self.added_tokens_encoder[segment.text],)
        return ids

    def _known(self, stretches: list[str]) -> list[list[int]]:
        """The ids of preprocessed stretches."""
        rows = self._model.ids(stretches)
        if not self._spelled_unknown:
            return rows
        unknown = self._model.unk_id
        return [
            self.convert_tokens_to_ids(self._model.tokens(text)) if unknown in row else row
            for text, row in zip(stretches, rows, strict=True)
        ]

    @cached_property
    def _spelled_unknown(self) -> bool:
        """Whether what SentencePiece doesn't know can spell a token after all."""
        return any(map(self._model.names_unknown, (",", *self.added_tokens_encoder)))

    def _placed(
        self, text: str, segments: list[Segment], found: Iterator[tuple[str, list[int]]], depth: Depth
    ) -> Encoded:
        """The pieces of a text with their places in it, and the words between white space that they belong to."""
        whole = Encoded()
        for segment in segments:
            word = (whole.words[-1] or 0) + 1 if whole.words else 0
            if segment.token is None:
                plain, ids = next(found)
                whole.extend(self._stretch(segment, plain, ids, depth, word))
            else:
                span = (segment.start, segment.start + len(segment.text))
                index = self.added_tokens_encoder[segment.text]
                whole.extend(Encoded([index], [segment.text], [span], [word], depth))
        origins = self._splitter.origins(text)
        if origins is not None:
            whole.offsets = [_through(origins, span) for span in whole.offsets]
        return whole

    def _stretch(self, segment: Segment, plain: str, ids: list[int], depth: Depth, word: int) -> Encoded:
        """The pieces of a stretch without added tokens, with their places in the lowered text."""
        place = segment.text.find(
            plain
        )  # before a stretch is only white space, where preprocessing changed nothing else
        spans = self._model.places(plain, ids, segment.start + place) if place >= 0 else None
        if spans is None or depth is Depth.all:
            found = self._model.spans(plain)
        if spans is None:
            spans = self._moved(segment, plain, [_visible(piece, span, plain) for piece, span in found])
        if depth is not Depth.all:
            return Encoded(ids, [], spans, [], depth)
        tokens = [piece for piece, _ in found]
        words: list[Word] = [*accumulate((token[:1] == SPACE for token in tokens[1:]), initial=word)]
        return Encoded(ids, tokens, spans, words[: len(ids)], depth)

    def _moved(self, segment: Segment, plain: str, spans: list[Span]) -> list[Span]:
        """Places in a preprocessed stretch as places in the lowered text."""
        origins = None if plain == segment.text else self._preprocessing.aligned(segment.text)[1]
        placed = spans if origins is None else [_through(origins, span) for span in spans]
        return [(first + segment.start, end + segment.start) for first, end in placed]

    # From pieces to rows

    def _rows(self, pairs: Sequence[Pair], options: Options) -> tuple[list[Row], dict[str, list[Any]]]:
        """A row per pair; with `return_overflowing_tokens` a row per window, and which pair each is of."""
        if not options.return_overflowing_tokens:
            return [self._row(*self._truncated(first, second, options), options) for first, second in pairs], {}
        self._refuse_overflow_of_both(pairs, options)
        rows: list[Row] = []
        samples: list[int] = []
        for number, (first, second) in enumerate(pairs):
            found = [self._row(a, b, options) for a, b in self._windows(first, second, options)]
            rows += found
            samples += [number] * len(found)
        return rows, {"overflow_to_sample_mapping": samples}

    def _truncated(self, first: Encoded, second: Encoded | None, options: Options) -> Pair:
        extra = self._extra(first, second, options)
        if extra <= 0 or not options.max_length or options.truncation == "do_not_truncate":
            return first, second
        lengths = len(first.ids), len(second.ids) if second else 0
        found = cut(lengths, second is not None, extra, options.truncation, self.truncation_side)
        return first.cut(found.first), second.cut(found.second) if second else None

    def _windows(self, first: Encoded, second: Encoded | None, options: Options) -> list[Pair]:
        """The text that is cut, in windows of the room that the other one leaves."""
        kept, kept_second = self._truncated(first, second, options)
        if len(kept.ids) < len(first.ids):
            parts = windows(len(first.ids), len(kept.ids), options.stride, self.truncation_side)
            return [(first.cut(part), second) for part in parts]
        if second and kept_second and len(kept_second.ids) < len(second.ids):
            parts = windows(len(second.ids), len(kept_second.ids), options.stride, self.truncation_side)
            return [(first, second.cut(part)) for part in parts]
        return [(first, second)]


def _visible(piece: str, span: Span, text: str) -> Span:
    """A piece's place without the space before its word; a lone ▁ is that space."""
    first, end = span
    return (
        (first + 1, end) if piece != SPACE and piece[:1] == SPACE and text[first : first + 1] in (" ", SPACE) else span
    )


def _through(origins: Sequence[Span], span: Span) -> Span:
    """The place in an earlier form of the text, from what each character of the later form came from."""
    first, end = span
    if first < end:
        return origins[first][0], origins[end - 1][1]
    place = origins[first][0] if first < len(origins) else (origins[-1][1] if origins else 0)
    return place, place
