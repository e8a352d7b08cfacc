"""Rows from ids: special tokens around texts, each token's type and mask, and the padded columns of a call."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenizers import Encoding

from albert_lab.errors import UserError
from albert_lab.tokenizer.encoded_text import Detail, EncodedText, Pair, Word
from albert_lab.tokenizer.options import Options
from albert_lab.tokenizer.padding import Columns, compute_padded_length, pad_columns
from albert_lab.tokenizer.preprocessing import Span
from albert_lab.tokenizer.token_table import TokenTable


@dataclass(slots=True)
class Row:
    """One row of a batch before padding, with its special tokens."""

    ids: list[int]
    type_ids: list[int]
    special: list[int]
    tokens: list[str] = field(default_factory=list)
    offsets: list[Span] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    sequences: list[Span] = field(default_factory=list)  # [first, last + 1) tokens of each text

    def to_encoding(self, ids: list[int], mask: list[int], side: str, pad_token: str, pad_type: int) -> Encoding:
        """The `tokenizers` library's object, which answers for words, characters and sequences.

        ids, mask: with padding on that side.
        """
        missing = len(ids) - len(self.ids)
        before, after = (missing, 0) if side == "left" else (0, missing)
        state = {
            "ids": ids,
            "type_ids": [pad_type] * before + self.type_ids + [pad_type] * after,
            "tokens": [pad_token] * before + self.tokens + [pad_token] * after,
            "words": [None] * before + self.words + [None] * after,
            "offsets": [(0, 0)] * before + self.offsets + [(0, 0)] * after,
            "special_tokens_mask": [1] * before + self.special + [1] * after,
            "attention_mask": mask,
            "overflowing": [],
            "sequence_ranges": {
                str(i): {"start": first + before, "end": end + before} for i, (first, end) in enumerate(self.sequences)
            },
        }
        encoding = Encoding()
        encoding.__setstate__(json.dumps(state).encode())
        return encoding


class RowBuilder:
    """Puts special tokens around ids and pads rows."""

    def __init__(self, table: TokenTable):
        self._table = table

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """[CLS] A [SEP], or [CLS] A [SEP] B [SEP]."""
        start, end = self._table.boundary_ids
        first = [start, *token_ids_0, end]
        return first if token_ids_1 is None else [*first, *token_ids_1, end]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """0 for [CLS] A [SEP], 1 for B [SEP]."""
        first = [0] * (len(token_ids_0) + 2)
        return first if token_ids_1 is None else first + [1] * (len(token_ids_1) + 1)

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 for a special token, 0 for a token of a text; of ids without special tokens around them, or with."""
        if already_has_special_tokens:
            if token_ids_1 is not None:
                raise UserError("ids that already have special tokens are one list: leave token_ids_1 out")
            special = frozenset(self._table.all_special_ids)
            return [int(index in special) for index in token_ids_0]
        first = [1, *[0] * len(token_ids_0), 1]
        return first if token_ids_1 is None else [*first, *[0] * len(token_ids_1), 1]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens stand around a text, or a pair."""
        return 3 if pair else 2

    def count_excess(self, pair: Pair, options: Options) -> int:
        """How many tokens a row has beyond `max_length`; negative where there is room left, 0 without a limit."""
        if options.max_length is None:
            return 0
        first, second = pair
        special = self.num_special_tokens_to_add(second is not None) if options.add_special_tokens else 0
        return len(first.ids) + (len(second.ids) if second else 0) + special - options.max_length

    def build(self, first: EncodedText, second: EncodedText | None, options: Options) -> Row:
        """[CLS] A [SEP] or [CLS] A [SEP] B [SEP], with the type and the mask of each token."""
        add = options.add_special_tokens
        ids = first.ids + second.ids if second else first.ids
        other = second.ids if second else None
        row = Row(ids, [0] * len(ids), [0] * len(ids))
        if add:
            row.ids = self.build_inputs_with_special_tokens(first.ids, other)
            row.type_ids = self.create_token_type_ids_from_sequences(first.ids, other)
            row.special = self.get_special_tokens_mask(first.ids, other)
        end = len(first.ids) + add
        row.sequences = [(int(add), end)]
        if second:
            row.sequences.append((end + add, end + add + len(second.ids)))
        if first.detail is not Detail.ids:
            self._add_detail(row, [first, second] if second else [first], add)
        return row

    def _add_detail(self, row: Row, texts: list[EncodedText], add_special_tokens: bool) -> None:
        """Offsets, and where they are known tokens and words, including those of special tokens."""
        start, end = str(self._table.get_role("cls_token")), str(self._table.get_role("sep_token"))
        whole = EncodedText([0], [start], [(0, 0)], [None]) if add_special_tokens else EncodedText()
        for text in texts:
            whole.extend(text)
            if add_special_tokens:
                whole.extend(EncodedText([0], [end], [(0, 0)], [None]))
        row.offsets = whole.offsets
        if texts[0].detail is Detail.tokens:
            row.tokens, row.words = whole.tokens, whole.words

    def build_columns(self, rows: list[Row], options: Options, single: bool) -> Columns:
        """The lists that a call returns, padded. single: the call has one text or pair, not a batch."""
        lengths = [len(row.ids) for row in rows]
        columns: Columns = {"input_ids": [row.ids for row in rows]}
        if options.return_token_type_ids:
            columns["token_type_ids"] = [row.type_ids for row in rows]
        if options.return_special_tokens_mask:
            columns["special_tokens_mask"] = [row.special for row in rows]
        if options.return_offsets_mapping:
            columns["offset_mapping"] = [row.offsets for row in rows]
        if options.return_attention_mask:
            columns["attention_mask"] = [[1] * length for length in lengths]
        columns = self.pad(columns, lengths, options)
        if options.return_length:  # without the padding of a batch, as in transformers
            columns["length"] = [len(columns["input_ids"][0])] if single else list(lengths)
        return columns

    def pad(self, columns: Columns, lengths: Sequence[int], options: Options, ids_name: str = "input_ids") -> Columns:
        """Columns padded as a call asks. lengths: of the rows; ids_name: the column that holds ids.

        Raises: UserError where padding is asked for and no token has that role.
        """
        length = compute_padded_length(lengths, options.padding, options.max_length, options.pad_to_multiple_of)
        if length is None:
            return columns
        pad_token = self._table.get_role("pad_token")
        if pad_token is None:
            raise UserError("padding needs a pad_token, and this tokenizer has none; set tokenizer.pad_token")
        values = {
            ids_name: self._table.id_of(pad_token),
            "token_type_ids": options.pad_token_type_id,
            "special_tokens_mask": 1,
            "attention_mask": 0,
            "offset_mapping": (0, 0),
        }
        return pad_columns(columns, length, options.padding_side, values)

    def make_encodings(self, rows: list[Row], options: Options) -> list[Encoding]:
        """Each row as an object of the `tokenizers` library, padded."""
        lengths = [len(row.ids) for row in rows]
        columns = {"input_ids": [row.ids for row in rows], "attention_mask": [[1] * length for length in lengths]}
        padded = self.pad(columns, lengths, options)
        side = options.padding_side
        pad_token, pad_type = str(self._table.get_role("pad_token")), options.pad_token_type_id
        return [
            row.to_encoding(ids, mask, side, pad_token, pad_type)
            for row, ids, mask in zip(rows, padded["input_ids"], padded["attention_mask"], strict=True)
        ]
