"""Windows over long texts, and the tokens that truncation removes."""

import copy
from typing import Any

import pytest

from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from albert_lab.tokenizer.truncation import split_into_windows

LONG = "the quick brown fox jumps over the lazy dog"


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("stride", [0, 1, 3])
def test_windows_cover_every_token_once_and_repeat_the_stride(
    fast: AlbertTokenizerFast, stride: int, side: str
) -> None:
    fast = copy.copy(fast)
    fast.truncation_side = side
    whole = fast(LONG, add_special_tokens=False)["input_ids"]
    batch = fast(LONG, truncation=True, max_length=9, stride=stride, return_overflowing_tokens=True)
    rows = [row[1:-1] for row in batch["input_ids"]]
    assert all(len(row) == 7 for row in rows[:-1])
    joined = rows[0]
    for row in rows[1:]:
        overlap = stride if stride else None
        if side == "right":
            assert stride == 0 or joined[-stride:] == row[:stride]
            joined = joined + row[overlap:]
        else:
            assert stride == 0 or joined[:stride] == row[-stride:]
            joined = (row[:-stride] if stride else row) + joined
    assert joined == whole
    assert batch["overflow_to_sample_mapping"] == [0] * len(rows)


def test_windows_over_the_second_text_keep_the_first_and_name_their_pair(fast: AlbertTokenizerFast) -> None:
    options: dict[str, Any] = {"truncation": "only_second", "max_length": 20, "stride": 2, "padding": True}
    batch = fast(["who?", "it"], [LONG, "so"], return_overflowing_tokens=True, return_offsets_mapping=True, **options)
    samples = batch["overflow_to_sample_mapping"]
    assert samples == [0] * (len(samples) - 1) + [1]
    assert len(samples) > 2
    question = fast("who?")["input_ids"]
    assert all(row[: len(question)] == question for row in batch["input_ids"][:-1])
    assert {len(row) for row in batch["input_ids"]} == {20}
    covered = set()
    for row in range(len(samples) - 1):
        for (first, last), sequence in zip(batch["offset_mapping"][row], batch.sequence_ids(row), strict=True):
            covered |= set(range(first, last)) if sequence == 1 else set()
    assert {i for i, character in enumerate(LONG) if character != " "} <= covered


def test_slow_overflow_is_what_was_removed_after_a_stride_that_stays(slow: AlbertTokenizer) -> None:
    whole = slow(LONG, add_special_tokens=False)["input_ids"]
    batch = slow(LONG, truncation=True, max_length=9, stride=2, return_overflowing_tokens=True)
    assert batch["input_ids"][1:-1] == whole[:7]
    assert batch["overflowing_tokens"] == whole[5:]
    assert batch["num_truncated_tokens"] == len(whole) - 7


def test_a_stride_without_room_is_refused() -> None:
    with pytest.raises(UserError, match="stride=4 leaves no new token in windows of 4; at most 3"):
        split_into_windows(10, 4, 4, "right")


def test_windows_of_both_texts_are_refused(either: Any) -> None:
    with pytest.raises(UserError, match="only_first"):
        either("a b c d", "e f g h", truncation=True, max_length=5, return_overflowing_tokens=True)
