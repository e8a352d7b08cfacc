"""Truncated rows, and what happens to the tokens that don't fit: returned as ids, or as rows of their own."""

from collections.abc import Callable, Sequence
from typing import Any

from albert_lab.errors import UserError
from albert_lab.tokenizer.encoded_text import Pair
from albert_lab.tokenizer.options import Options
from albert_lab.tokenizer.row_builder import Row, RowBuilder
from albert_lab.tokenizer.truncation import Truncation, split_into_windows, truncate_lengths

Extra = dict[str, list[Any]]  # further columns of a call's result
BuildRows = Callable[[RowBuilder, Sequence[Pair], Options], tuple[list[Row], Extra]]
WINDOW_COLUMN = "overflow_to_sample_mapping"


def build_rows_and_overflow(builder: RowBuilder, pairs: Sequence[Pair], options: Options) -> tuple[list[Row], Extra]:
    """A row per pair; with `return_overflowing_tokens` also the ids that were cut off, and how many were too many."""
    rows: list[Row] = []
    extra: Extra = {}
    if options.return_overflowing_tokens:
        _refuse_overflow_of_both(pairs, options)
        extra = {"overflowing_tokens": [], "num_truncated_tokens": []}
    for pair in pairs:
        first, second = pair
        excess = builder.count_excess(pair, options)
        truncation = _truncate(pair, excess, options, options.stride)
        if extra:
            text = second if second and truncation.overflow_is_of_second else first
            extra["overflowing_tokens"].append(text.ids[truncation.overflow])
            extra["num_truncated_tokens"].append(excess)
        rows.append(builder.build(*_apply(truncation, pair), options))
    return rows, extra


def build_rows_and_windows(builder: RowBuilder, pairs: Sequence[Pair], options: Options) -> tuple[list[Row], Extra]:
    """A row per pair; with `return_overflowing_tokens` a row per window, and the index of its pair."""
    if not options.return_overflowing_tokens:
        return [builder.build(*_fit(builder, pair, options), options) for pair in pairs], {}
    _refuse_overflow_of_both(pairs, options)
    rows: list[Row] = []
    samples: list[int] = []
    for index, pair in enumerate(pairs):
        windows = [builder.build(first, second, options) for first, second in _split(builder, pair, options)]
        rows += windows
        samples += [index] * len(windows)
    return rows, {WINDOW_COLUMN: samples}


def _fit(builder: RowBuilder, pair: Pair, options: Options) -> Pair:
    excess = builder.count_excess(pair, options)
    return pair if excess <= 0 else _apply(_truncate(pair, excess, options), pair)


def _split(builder: RowBuilder, pair: Pair, options: Options) -> list[Pair]:
    """The text that is truncated, in windows of the room that the other one leaves."""
    first, second = pair
    kept, kept_second = _fit(builder, pair, options)
    side = options.truncation_side
    if len(kept.ids) < len(first.ids):
        windows = split_into_windows(len(first.ids), len(kept.ids), options.stride, side)
        return [(first.part(window), second) for window in windows]
    if second and kept_second and len(kept_second.ids) < len(second.ids):
        windows = split_into_windows(len(second.ids), len(kept_second.ids), options.stride, side)
        return [(first, second.part(window)) for window in windows]
    return [pair]


def _truncate(pair: Pair, excess: int, options: Options, stride: int = 0) -> Truncation:
    first, second = pair
    lengths = len(first.ids), len(second.ids) if second else 0
    strategy = options.truncation if options.max_length else "do_not_truncate"
    return truncate_lengths(lengths, second is not None, excess, strategy, options.truncation_side, stride)


def _apply(truncation: Truncation, pair: Pair) -> Pair:
    first, second = pair
    return first.part(truncation.first), second.part(truncation.second) if second else None


def truncate_ids(
    ids: list[int], pair_ids: list[int] | None, remove: int, strategy: str, side: str, stride: int
) -> tuple[list[int], list[int] | None, list[int]]:
    """(first ids, second ids, overflowing ids) with `remove` tokens less; arguments as for `truncate_lengths`."""
    lengths = len(ids), len(pair_ids or ())
    kept = truncate_lengths(lengths, pair_ids is not None, remove, strategy, side, stride)
    overflowing = (pair_ids or [] if kept.overflow_is_of_second else ids)[kept.overflow]
    return ids[kept.first], None if pair_ids is None else pair_ids[kept.second], overflowing


def _refuse_overflow_of_both(pairs: Sequence[Pair], options: Options) -> None:
    if options.truncation == "longest_first" and any(second for _, second in pairs):
        raise UserError(
            "return_overflowing_tokens with pairs needs truncation='only_first' or 'only_second': "
            "'longest_first' cuts both texts"
        )
