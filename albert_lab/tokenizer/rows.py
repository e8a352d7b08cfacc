"""Rows from ids: special tokens around texts, each token's type and mask, padding, and the returned columns."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from tokenizers import Encoding

from albert_lab.errors import UserError
from albert_lab.tokenizer.batch_encoding import BatchEncoding
from albert_lab.tokenizer.encoded import Depth, Encoded, Row
from albert_lab.tokenizer.options import NO_LIMIT, Options, Warnings, resolved
from albert_lab.tokenizer.padding import Rows, as_lists, pad_rows, padded_length
from albert_lab.tokenizer.special_tokens import Vocabulary
from albert_lab.tokenizer.truncation import cut


class RowBuilder(Vocabulary):
    """A vocabulary that puts special tokens around ids, cuts and pads rows."""

    model_input_names: tuple[str, ...] = ("input_ids", "token_type_ids", "attention_mask")
    model_max_length: int = NO_LIMIT
    padding_side: str = "right"
    truncation_side: str = "right"

    _warnings: Warnings

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """[CLS] A [SEP], or [CLS] A [SEP] B [SEP]."""
        start, end = self._bounds
        first = [*start, *token_ids_0, *end]
        return first if token_ids_1 is None else [*first, *token_ids_1, *end]

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int]]:
        if self.cls_token_id is None or self.sep_token_id is None:
            raise UserError("special tokens need a cls_token and a sep_token; call with add_special_tokens=False")
        return [self.cls_token_id], [self.sep_token_id]

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
            special = frozenset(self.all_special_ids)
            return [int(index in special) for index in token_ids_0]
        first = [1, *[0] * len(token_ids_0), 1]
        return first if token_ids_1 is None else [*first, *[0] * len(token_ids_1), 1]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens stand around a text, or a pair."""
        return 3 if pair else 2

    @property
    def max_len_single_sentence(self) -> int:
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """(first ids, second ids, overflowing ids with `stride` of what stays before them)."""
        strategy = str(getattr(truncation_strategy, "value", truncation_strategy))
        lengths = len(ids), len(pair_ids or ())
        found = cut(lengths, pair_ids is not None, num_tokens_to_remove, strategy, self.truncation_side, stride)
        overflowing = (pair_ids or [] if found.overflow_of_second else ids)[found.overflow]
        return ids[found.first], None if pair_ids is None else pair_ids[found.second], overflowing

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pads what was tokenized before: a row, a batch, or a list of rows (as a DataLoader's collate function gets).

        Tensors stay tensors. Raises: UserError without `input_ids`.
        """
        first = self.model_input_names[0]
        data, kind = as_lists(encoded_inputs, first)
        given = {"padding": padding, "truncation": False, "max_length": max_length, "verbose": verbose}
        options = resolved(
            given | {"pad_to_multiple_of": pad_to_multiple_of, "padding_side": padding_side,
                     "return_tensors": return_tensors or kind},
            self.model_max_length,
            self._warnings,
        )  # fmt: skip
        single = not data[first] or not isinstance(data[first][0], list)
        if single:
            data = {key: [value] for key, value in data.items()}
        lengths = [len(row) for row in data[first]]
        if _wanted(return_attention_mask, "attention_mask", self.model_input_names):
            data.setdefault("attention_mask", [[1] * length for length in lengths])
        length = padded_length(lengths, options.padding, options.max_length, pad_to_multiple_of)
        data = self._padded(data, length, padding_side)
        return BatchEncoding({k: v[0] for k, v in data.items()} if single else data, None, options.return_tensors)

    def _row(self, first: Encoded, second: Encoded | None, options: Options) -> Row:
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
        if first.depth is not Depth.ids:
            _detail(row, [first, second] if second else [first], str(self.cls_token), str(self.sep_token), add)
        return row

    def _extra(self, first: Encoded, second: Encoded | None, options: Options) -> int:
        """How many tokens there are beyond `max_length`; negative for room that is left, 0 without a limit."""
        if options.max_length is None:
            return 0
        around = self.num_special_tokens_to_add(second is not None) if options.add_special_tokens else 0
        return len(first.ids) + (len(second.ids) if second else 0) + around - options.max_length

    def _refuse_overflow_of_both(self, pairs: Sequence[tuple[Encoded, Encoded | None]], options: Options) -> None:
        if options.truncation == "longest_first" and any(second for _, second in pairs):
            raise UserError(
                "return_overflowing_tokens with pairs needs truncation='only_first' or 'only_second': "
                "'longest_first' cuts both texts"
            )

    def _columns(self, rows: list[Row], options: Options, single: bool) -> Rows:
        """The lists that a call returns, padded."""
        lengths = [len(row.ids) for row in rows]
        for length in lengths:
            self._warn_if_too_long(length, options)
        data: Rows = {"input_ids": [row.ids for row in rows]}
        if _wanted(options.return_token_type_ids, "token_type_ids", self.model_input_names):
            data["token_type_ids"] = [row.type_ids for row in rows]
        if options.return_special_tokens_mask:
            data["special_tokens_mask"] = [row.special for row in rows]
        if options.return_offsets_mapping:
            data["offset_mapping"] = [row.offsets for row in rows]
        if _wanted(options.return_attention_mask, "attention_mask", self.model_input_names):
            data["attention_mask"] = [[1] * length for length in lengths]
        length_padded = padded_length(lengths, options.padding, options.max_length, options.pad_to_multiple_of)
        data = self._padded(data, length_padded, options.padding_side)
        if options.return_length:  # without the padding of a batch, as in transformers
            data["length"] = [len(data["input_ids"][0])] if single else list(lengths)
        return data

    def _padded(self, data: Rows, length: int | None, side: str | None) -> Rows:
        if length is None:
            return data
        if self.pad_token is None:
            raise UserError("padding needs a pad_token, and this tokenizer has none; set tokenizer.pad_token")
        values = {
            "input_ids": self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            "special_tokens_mask": 1,
            "attention_mask": 0,
            "offset_mapping": (0, 0),
        }
        return pad_rows(data, length, side or self.padding_side, values)

    def _warn_if_too_long(self, length: int, options: Options) -> None:
        if options.max_length is None and length > self.model_max_length:
            self._warnings.once(
                "Token indices sequence length is longer than the specified maximum sequence length for this model "
                "(%d > %d). Running this sequence through the model will result in indexing errors",
                length,
                self.model_max_length,
                verbose=options.verbose,
            )

    def _encodings(self, rows: list[Row], options: Options) -> list[Encoding]:
        lengths = [len(row.ids) for row in rows]
        padded = padded_length(lengths, options.padding, options.max_length, options.pad_to_multiple_of)
        side = options.padding_side or self.padding_side
        plain = {"input_ids": [row.ids for row in rows], "attention_mask": [[1] * length for length in lengths]}
        data = self._padded(plain, padded, side)
        return [
            row.encoding(ids, mask, side, (str(self.pad_token), self.pad_token_type_id))
            for row, ids, mask in zip(rows, data["input_ids"], data["attention_mask"], strict=True)
        ]


def _wanted(asked: bool | None, name: str, by_default: Iterable[str]) -> bool:
    return name in by_default if asked is None else asked


def _detail(row: Row, texts: list[Encoded], start: str, end: str, add: bool) -> None:
    """Places, and where they are known tokens and words, with those of special tokens among them."""
    whole = Encoded([0], [start], [(0, 0)], [None]) if add else Encoded()
    for text in texts:
        whole.extend(text)
        if add:
            whole.extend(Encoded([0], [end], [(0, 0)], [None]))
    row.offsets = whole.offsets
    if texts[0].depth is Depth.all:
        row.tokens, row.words = whole.tokens, whole.words
