"""From texts to what a call returns: finds pieces, truncates, adds special tokens, pads."""

from collections.abc import Callable, Sequence
from typing import Any

from albert_lab.tokenizer.batch_encoding import BatchEncoding
from albert_lab.tokenizer.encoded_text import Detail, EncodedText, Pair
from albert_lab.tokenizer.inputs import Input, Text, TextPair, split_into_pairs
from albert_lab.tokenizer.options import Options, WarnOnce
from albert_lab.tokenizer.overflow import WINDOW_COLUMN, BuildRows
from albert_lab.tokenizer.padding import convert_to_columns
from albert_lab.tokenizer.piece_finders import Finder
from albert_lab.tokenizer.row_builder import Row, RowBuilder


class BatchEncoder:
    """Encodes texts and pairs.

    finder: finds the pieces of texts. build_rows: makes rows of pairs and decides what happens to tokens that don't
    fit. warn_once: of the tokenizer.
    """

    def __init__(self, finder: Finder, row_builder: RowBuilder, build_rows: BuildRows, warn_once: WarnOnce):
        self._finder, self._row_builder, self._build_rows, self._warn_once = finder, row_builder, build_rows, warn_once

    def encode(self, text: Input, text_pair: Input | None, options: Options) -> BatchEncoding:
        """Model inputs for texts in any of the forms that a call takes."""
        texts, single = split_into_pairs(text, text_pair, options.is_split_into_words)
        detail = Detail.offsets if options.return_offsets_mapping else Detail.ids
        pairs = self._find_pieces(texts, options, detail)

        def find_all_detail() -> list[Pair]:
            return self._find_pieces(texts, options, Detail.tokens)

        return self.assemble(pairs, options, single, single, find_all_detail if self._finder.has_offsets else None)

    def assemble(
        self,
        pairs: Sequence[Pair],
        options: Options,
        single: bool,
        prepend_batch_axis: bool,
        find_all_detail: Callable[[], Sequence[Pair]] | None = None,
    ) -> BatchEncoding:
        """Model inputs from pieces. single: there is one text or pair, not a batch of one.

        find_all_detail: the same pairs with tokens and words, for `encodings`, which are made when first asked for.
        """
        rows, extra = self._build_rows(self._row_builder, pairs, options)
        self._warn_if_too_long(rows, options)
        columns = extra | self._row_builder.build_columns(rows, options, single)
        is_one_row = single and WINDOW_COLUMN not in extra
        if is_one_row:
            columns = {key: value[0] for key, value in columns.items()}
        encodings = None
        if find_all_detail is not None:
            encodings = lambda: self._row_builder.make_encodings(  # noqa: E731
                self._build_rows(self._row_builder, find_all_detail(), options)[0], options
            )
        return BatchEncoding(columns, encodings, options.return_tensors, prepend_batch_axis and is_one_row)

    def pad(self, encoded_inputs: Any, required: str, options: Options) -> BatchEncoding:
        """What was tokenized before, padded; tensors stay tensors. required: the column that gives the lengths."""
        columns, kind = convert_to_columns(encoded_inputs, required)
        single = not columns[required] or not isinstance(columns[required][0], list)
        if single:
            columns = {key: [value] for key, value in columns.items()}
        lengths = [len(row) for row in columns[required]]
        if options.return_attention_mask:
            columns.setdefault("attention_mask", [[1] * length for length in lengths])
        columns = self._row_builder.pad(columns, lengths, options, required)
        data = {key: value[0] for key, value in columns.items()} if single else columns
        return BatchEncoding(data, None, options.return_tensors or kind)

    def _find_pieces(self, texts: list[TextPair], options: Options, detail: Detail) -> list[Pair]:
        flat = [text for pair in texts for text in pair if text is not None]
        encoded = iter(self._encode_texts(flat, options, detail))
        return [(next(encoded), None if second is None else next(encoded)) for _, second in texts]

    def _encode_texts(self, texts: list[Text], options: Options, detail: Detail) -> list[EncodedText]:
        if not options.is_split_into_words:
            return self._finder.encode([str(text) for text in texts], options.split_special_tokens, detail)
        every_word = [word for text in texts for word in text]
        words = iter(self._finder.encode(every_word, options.split_special_tokens, detail))
        joined = []
        for text in texts:
            whole = EncodedText(detail=detail)
            for index, word in zip(range(len(text)), words, strict=False):
                word.words = [index] * len(word.words)
                whole.extend(word)
            joined.append(whole)
        return joined

    def _warn_if_too_long(self, rows: list[Row], options: Options) -> None:
        limit = options.model_max_length
        if options.max_length is not None:
            return
        for row in rows:
            if len(row.ids) > limit:
                self._warn_once(
                    "Token indices sequence length is longer than the specified maximum sequence length for this model "
                    "(%d > %d). Running this sequence through the model will result in indexing errors",
                    len(row.ids),
                    limit,
                    verbose=options.verbose,
                )
