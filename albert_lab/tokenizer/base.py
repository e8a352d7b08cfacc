"""What both tokenizers do alike: the call and its options, from texts to rows, and back to text."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from albert_lab.errors import UserError
from albert_lab.tokenizer.batch_encoding import BatchEncoding
from albert_lab.tokenizer.encoded import Depth, Encoded, Row
from albert_lab.tokenizer.inputs import Input, Text, as_batch
from albert_lab.tokenizer.options import Options, resolved
from albert_lab.tokenizer.rows import RowBuilder

Pair = tuple[Encoded, Encoded | None]


class TextEncoder(RowBuilder):
    """A vocabulary that encodes texts; a subclass says how one text becomes pieces, and what overflows become."""

    clean_up_tokenization_spaces: bool = False
    split_special_tokens: bool = False
    is_fast: bool = False

    @abstractmethod
    def _encode_texts(self, texts: Sequence[str], options: Options, depth: Depth) -> list[Encoded]:
        """The pieces of each text; places, tokens and words as `depth` says."""

    @abstractmethod
    def _rows(self, pairs: Sequence[Pair], options: Options) -> tuple[list[Row], dict[str, list[Any]]]:
        """A row per pair, or several where one overflows; and what else is returned beside them."""

    def __call__(
        self,
        text: Input | None = None,
        text_pair: Input | None = None,
        text_target: Input | None = None,
        text_pair_target: Input | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool | None = None,
    ) -> BatchEncoding:
        """Model inputs for a text, a pair, or lists of either; arguments and results as in transformers 4.57.6.

        text: a string, a list of strings (a batch), or with `is_split_into_words` lists of words. text_target: its ids
        become `labels`. padding: True or "longest", "max_length", False. truncation: True or "longest_first",
        "only_first", "only_second", False.

        Raises: UserError for arguments that don't go together, and rows that make no tensor.
        """
        given = {name: value for name, value in locals().items() if name not in _NOT_OPTIONS}
        given["split_special_tokens"] = (
            self.split_special_tokens if split_special_tokens is None else split_special_tokens
        )
        options = resolved(given, self.model_max_length, self._warnings)
        return self._inputs_and_labels(text, text_pair, text_target, text_pair_target, options)

    def encode(
        self, text: Input | Sequence[int], text_pair: Input | Sequence[int] | None = None, **options: Any
    ) -> Any:
        """The `input_ids` of one text or pair; a list of tokens or of ids counts as one text already cut.

        options: the arguments of a call.
        """
        if isinstance(text, str) or options.get("is_split_into_words"):
            return self(text, text_pair, **options)["input_ids"]  # type: ignore[arg-type]
        first, second = self._ids_of(text), None if text_pair is None else self._ids_of(text_pair)
        return self.prepare_for_model(first, second, prepend_batch_axis=True, **options)["input_ids"]

    def _ids_of(self, text: Input | Sequence[int]) -> list[int]:
        if isinstance(text, str):
            return self.convert_tokens_to_ids(self.tokenize(text))
        return [item if isinstance(item, int) else self._id_of(str(item)) for item in text]

    def encode_plus(self, text: Input, text_pair: Input | None = None, **options: Any) -> BatchEncoding:
        """An older name of the call, for one text or pair."""
        return self(text, text_pair, **options)

    def batch_encode_plus(self, batch_text_or_text_pairs: Sequence[Any], **options: Any) -> BatchEncoding:
        """An older name of the call, for a list of texts or of pairs."""
        return self(list(batch_text_or_text_pairs), **options)

    def prepare_for_model(
        self,
        ids: Sequence[int],
        pair_ids: Sequence[int] | None = None,
        prepend_batch_axis: bool = False,
        **options: Any,
    ) -> BatchEncoding:
        """Model inputs from ids without special tokens; options: the arguments of a call."""
        given = _DEFAULTS | options
        chosen = resolved(given, self.model_max_length, self._warnings)
        pair = (Encoded(list(ids)), None if pair_ids is None else Encoded(list(pair_ids)))
        return self._finish([pair], chosen, None, single=True, prepend=prepend_batch_axis)

    # From texts to rows

    def _inputs_and_labels(
        self, text: Input | None, pair: Input | None, target: Input | None, target_pair: Input | None, options: Options
    ) -> BatchEncoding:
        if text is None:
            if target is None:
                raise UserError("a tokenizer needs text (or text_target)")
            return self._encode_batch(target, target_pair, options)
        inputs = self._encode_batch(text, pair, options)
        if target is not None:
            inputs["labels"] = self._encode_batch(target, target_pair, options)["input_ids"]
        return inputs

    def _encode_batch(self, text: Input, text_pair: Input | None, options: Options) -> BatchEncoding:
        batch, single = as_batch(text, text_pair, options.is_split_into_words)
        depth = Depth.places if options.return_offsets_mapping else Depth.ids
        pairs = self._pairs(batch, options, depth)

        def again() -> list[Pair]:
            return self._pairs(batch, options, Depth.all)

        return self._finish(pairs, options, again, single, prepend=single)

    def _pairs(self, batch: list[tuple[Text, Text | None]], options: Options, depth: Depth) -> list[Pair]:
        texts = [text for pair in batch for text in pair if text is not None]
        found = iter(self._encode_all(texts, options, depth))
        return [(next(found), None if second is None else next(found)) for _, second in batch]

    def _encode_all(self, texts: list[Text], options: Options, depth: Depth) -> list[Encoded]:
        if not options.is_split_into_words:
            return self._encode_texts([str(text) for text in texts], options, depth)
        words = iter(self._encode_texts([word for text in texts for word in text], options, depth))
        joined = []
        for text in texts:
            whole = Encoded()
            for number, word in zip(range(len(text)), words, strict=False):
                word.words = [number] * len(word.words)
                whole.extend(word)
            joined.append(whole)
        return joined

    def _finish(
        self,
        pairs: Sequence[Pair],
        options: Options,
        again: Callable[[], Sequence[Pair]] | None,
        single: bool,
        prepend: bool,
    ) -> BatchEncoding:
        rows, beside = self._rows(pairs, options)
        data = beside | self._columns(rows, options, single)
        if single and not (self.is_fast and options.return_overflowing_tokens):
            data = {key: value[0] for key, value in data.items()}
        else:
            prepend = False
        encodings = None
        if self.is_fast and again is not None:
            encodings = lambda: self._encodings(self._rows(again(), options)[0], options)  # noqa: E731
        return BatchEncoding(data, encodings, options.return_tensors, prepend)

    @abstractmethod
    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False) -> list[str]:
        """The pieces of a text as text."""

    # Back to text

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
    ) -> str:
        """The text of ids (a list, an array or a tensor).

        Raises: UserError for an id beyond the vocabulary.
        """
        ids = token_ids.tolist() if hasattr(token_ids, "tolist") else token_ids
        tokens = self.convert_ids_to_tokens([ids] if isinstance(ids, int) else ids, skip_special_tokens)
        text = (" " if spaces_between_special_tokens else "").join(self._decoded(tokens))
        clean = (
            self.clean_up_tokenization_spaces if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        )
        return clean_up_tokenization(text) if clean else text

    def batch_decode(self, sequences: Iterable[Any], **options: Any) -> list[str]:
        """`decode` of each; options: its arguments."""
        return [self.decode(sequence, **options) for sequence in sequences]

    def _decoded(self, tokens: Sequence[str]) -> list[str]:
        """Stretches of text; a token that a user added is one by itself."""
        own = self._ids_of_pieces
        apart = self.added_tokens_encoder.keys() - set(self.all_special_tokens)
        apart |= {token for token in self.additional_special_tokens if token not in own}
        texts: list[str] = []
        for is_apart, group in groupby(tokens, key=apart.__contains__):
            stretch = list(group)
            texts += stretch if is_apart else filter(None, [self.convert_tokens_to_string(stretch)])
        return texts

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text that tokens spell; special tokens stand as they are written."""
        special = frozenset(self.all_special_tokens)
        text, after_special = "", False
        pieces: list[str] = []
        for token in tokens:
            if token in special:
                text += ("" if after_special else " ") + self._model.decode(pieces) + token
                pieces = []
            else:
                pieces.append(token)
            after_special = token in special
        return (text + self._model.decode(pieces)).strip()


def clean_up_tokenization(text: str) -> str:
    """English without the spaces before punctuation and in contractions, as transformers has it."""
    for before, after in _CLEANED:
        text = text.replace(before, after)
    return text


_CLEANED = [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")]
_CLEANED += [(f" '{ending}", f"'{ending}") for ending in ("m", "s", "ve", "re")]


_NOT_OPTIONS = {"self", "text", "text_pair", "text_target", "text_pair_target", "split_special_tokens"}
_DEFAULTS: dict[str, Any] = {"padding": False, "truncation": None, "max_length": None}
