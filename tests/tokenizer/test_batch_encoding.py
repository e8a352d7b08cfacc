"""What a call returns: a dictionary that also converts between tokens, words and characters."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast, BatchEncoding

LONG = "the quick brown fox jumps over the lazy dog"


@pytest.mark.parametrize(("kind_of_tensor", "container"), [("pt", torch.Tensor), ("np", np.ndarray)])
def test_tensors_are_int64_with_a_batch_axis(either: Any, kind_of_tensor: str, container: type) -> None:
    single = either(LONG, return_tensors=kind_of_tensor)
    assert isinstance(single["input_ids"], container)
    length = len(either(LONG)["input_ids"])
    assert single.input_ids.shape == (1, length)
    batch = either([LONG, "a"], padding=True, return_tensors=kind_of_tensor)
    assert {tuple(value.shape) for value in batch.values()} == {(2, length)}
    assert all(str(value.dtype).endswith("int64") for value in batch.values())


def test_rows_of_different_lengths_do_not_fit_in_a_tensor(either: Any) -> None:
    with pytest.raises(UserError, match=r"rows of input_ids differ in length .* padding=True"):
        either([LONG, "a"], return_tensors="np")


def test_to_moves_its_tensors_in_place(either: Any) -> None:
    batch = either(LONG, return_tensors="pt")
    assert batch.to("meta") is batch
    assert all(value.device.type == "meta" for value in batch.values())


def test_a_batch_converts_between_tokens_words_and_characters(fast: AlbertTokenizerFast) -> None:
    text, pair = "The quick  (fox)", "jumps"
    batch = fast(text, pair)
    tokens, words = batch.tokens(), batch.word_ids()
    assert tokens == fast.convert_ids_to_tokens(batch["input_ids"])
    assert batch.sequence_ids()[0] is None
    assert [w for w, s in zip(words, batch.sequence_ids(), strict=True) if s == 0] == sorted(
        w for w, s in zip(words, batch.sequence_ids(), strict=True) if s == 0 and w is not None
    )
    token = batch.char_to_token(0, text.index("fox"))
    assert token is not None
    assert text[slice(*batch.token_to_chars(0, token))].startswith("f")
    assert batch.token_to_word(0, token) == batch.char_to_word(0, text.index("(")) == 2
    assert batch.token_to_sequence(0, token) == 0
    assert text[slice(*batch.word_to_chars(0, 1))] == "quick"
    span = batch.word_to_tokens(0, 0)
    assert span == (1, 2)
    assert text[slice(*batch.token_to_chars(span.start))] == "The"
    assert batch.char_to_token(0, 0, sequence_index=1) == batch.sequence_ids().index(1) + (
        tokens[batch.sequence_ids().index(1)] == "▁"
    )
    assert batch.n_sequences == 2
    assert batch[0].ids == batch["input_ids"]


def test_padding_on_the_left_shifts_token_positions(fast: AlbertTokenizerFast) -> None:
    right = fast(["the quick", "the"], padding=True)
    left = fast(["the quick", "the"], padding=True, padding_side="left")
    shift = right["attention_mask"][1].count(0)
    assert right.char_to_token(1, 0) == 1
    assert left.char_to_token(1, 0) == 1 + shift
    assert left.word_ids(1) == [None] * shift + right.word_ids(1)[: len(right.word_ids(1)) - shift]
    assert left.encodings[1].attention_mask == left["attention_mask"][1]


def test_words_split_by_the_user_keep_their_indices(fast: AlbertTokenizerFast) -> None:
    words = ["The", "quick-brown", "", "1,000", "[MASK]"]
    batch = fast(words, is_split_into_words=True, return_offsets_mapping=True)
    assert [w for w in dict.fromkeys(batch.word_ids()) if w is not None] == [0, 1, 3, 4]
    for (first, last), number in zip(batch["offset_mapping"], batch.word_ids(), strict=True):
        if number is not None:
            assert words[number][first:last] or (first, last) == (0, 0)


def test_a_batch_is_a_dictionary_with_attributes_and_pickles(either: Any) -> None:
    batch = either([LONG, "a"])
    assert isinstance(batch, BatchEncoding)
    assert dict(batch) == batch.data
    assert batch.input_ids is batch["input_ids"]
    with pytest.raises(AttributeError):
        _ = batch.nothing
    again = pickle.loads(pickle.dumps(batch))
    assert again.data == batch.data
    assert again.is_fast == batch.is_fast == either.is_fast
    if either.is_fast:
        assert again.word_ids(0) == batch.word_ids(0)
    else:
        assert batch[1:] == {key: value[1:] for key, value in batch.items()}


def test_the_slow_tokenizer_names_the_one_that_has_offsets(slow: AlbertTokenizer) -> None:
    with pytest.raises(UserError, match="AlbertTokenizerFast"):
        slow(LONG, return_offsets_mapping=True)
    with pytest.raises(UserError, match=r"word_ids\(\) needs the fast tokenizer"):
        slow(LONG).word_ids()
