"""Calls, windows, padding and what they return: dictionaries that answer for words and characters."""

import copy
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast, BatchEncoding
from albert_lab.tokenizer.truncation import windows

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


def test_windows_over_the_second_text_keep_the_first_and_say_which_pair_they_are_of(fast: AlbertTokenizerFast) -> None:
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


def test_slow_overflow_is_what_was_cut_with_the_stride_before_it(slow: AlbertTokenizer) -> None:
    whole = slow(LONG, add_special_tokens=False)["input_ids"]
    batch = slow(LONG, truncation=True, max_length=9, stride=2, return_overflowing_tokens=True)
    assert batch["input_ids"][1:-1] == whole[:7]
    assert batch["overflowing_tokens"] == whole[5:]
    assert batch["num_truncated_tokens"] == len(whole) - 7


def test_a_stride_without_room_is_refused() -> None:
    with pytest.raises(UserError, match="stride=4 leaves no new token in windows of 4; at most 3"):
        windows(10, 4, 4, "right")


def test_windows_of_both_texts_are_refused(either: Any) -> None:
    with pytest.raises(UserError, match="only_first"):
        either("a b c d", "e f g h", truncation=True, max_length=5, return_overflowing_tokens=True)


@pytest.mark.parametrize(("kind_of_tensor", "container"), [("pt", torch.Tensor), ("np", np.ndarray)])
def test_tensors_are_int64_with_a_batch_axis(either: Any, kind_of_tensor: str, container: type) -> None:
    single = either(LONG, return_tensors=kind_of_tensor)
    assert isinstance(single["input_ids"], container)
    length = len(either(LONG)["input_ids"])
    assert single.input_ids.shape == (1, length)
    batch = either([LONG, "a"], padding=True, return_tensors=kind_of_tensor)
    assert {tuple(value.shape) for value in batch.values()} == {(2, length)}
    assert all(str(value.dtype).endswith("int64") for value in batch.values())


def test_rows_of_different_lengths_make_no_tensor(either: Any) -> None:
    with pytest.raises(UserError, match=r"rows of input_ids differ in length .* padding=True"):
        either([LONG, "a"], return_tensors="np")


def test_to_moves_its_tensors_in_place(either: Any) -> None:
    batch = either(LONG, return_tensors="pt")
    assert batch.to("meta") is batch
    assert all(value.device.type == "meta" for value in batch.values())


def test_pad_makes_a_batch_of_rows_as_a_collate_function_needs(either: Any) -> None:
    rows = [either(LONG), either("a b", "c")]
    assert either.pad(rows[:1] * 2).data == either([LONG] * 2, padding=True).data
    padded = either.pad(rows, return_tensors="pt", pad_to_multiple_of=8)
    assert padded["input_ids"].shape[1] % 8 == 0
    assert padded["attention_mask"].sum().item() == sum(len(row["input_ids"]) for row in rows)
    again = either.pad({key: value[:1, :3] for key, value in padded.items()}, padding="max_length", max_length=5)
    assert again["input_ids"].tolist() == [[*rows[0]["input_ids"][:3], 0, 0]]
    with pytest.raises(UserError, match="pad needs 'input_ids'"):
        either.pad({"labels": [[1]]})


def test_prepare_for_model_takes_ids(either: Any) -> None:
    ids = either("the quick fox", add_special_tokens=False)["input_ids"]
    assert either.prepare_for_model(ids).data == either("the quick fox").data
    assert either.prepare_for_model(ids, ids[:2], truncation="only_first", max_length=6)["input_ids"] == (
        either.build_inputs_with_special_tokens(ids[:1], ids[:2])
    )


def test_encode_takes_texts_tokens_and_ids(either: Any) -> None:
    ids = either("the quick fox")["input_ids"]
    assert either.encode("the quick fox") == ids
    assert either.encode(either.tokenize("the quick fox")) == ids
    assert either.encode(ids[1:-1]) == ids
    assert either.encode("the quick fox", return_tensors="pt").tolist() == [ids]
    assert either.encode("the", "quick", add_special_tokens=False) == [*ids[1:2], *either("quick")["input_ids"][1:-1]]


def test_older_names_of_the_call_do_the_same(either: Any) -> None:
    assert (
        either.encode_plus("the", "quick", max_length=4, truncation=True).data
        == either("the", "quick", max_length=4, truncation=True).data
    )
    pairs = [("the", "quick"), ("fox", "a b")]
    assert (
        either.batch_encode_plus(pairs, padding=True).data
        == either(["the", "fox"], ["quick", "a b"], padding=True).data
    )


def test_tokenize_with_a_pair_and_special_tokens(either: Any) -> None:
    tokens = either.tokenize("the", "quick", add_special_tokens=True)
    assert tokens == ["[CLS]", "▁the", "[SEP]", *either.tokenize("quick"), "[SEP]"]
    assert either.tokenize("[MASK]", split_special_tokens=True) != ["[MASK]"]


def test_decode_takes_lists_arrays_tensors_and_one_id(either: Any) -> None:
    ids = either("the quick fox")["input_ids"]
    for form in (ids, np.array(ids), torch.tensor(ids)):
        assert either.decode(form, skip_special_tokens=True) == "the quick fox"
    assert either.decode(either.convert_tokens_to_ids("▁the")) == "the"
    assert either.batch_decode(torch.tensor([ids, ids]), skip_special_tokens=True) == ["the quick fox"] * 2


def test_ids_of_another_tokenizer_are_refused(either: Any) -> None:
    with pytest.raises(UserError, match="id 30000 is beyond this vocabulary of 900"):
        either.decode([5, 30_000])


def test_a_text_too_long_is_told_of_once_and_kept_whole(
    kind: Any, own_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = kind(str(own_model), model_max_length=512)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        assert len(tokenizer.encode("a " * 5000)) == 10_002
    told = [record for record in caplog.records if "(10002 > 512)" in record.getMessage()]
    assert len(told) == 1
    assert len(tokenizer.encode("a " * 5000, truncation=True)) == 512


def test_lengths_without_a_limit_change_nothing_and_say_so(either: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert either(LONG, truncation=True, padding="max_length").data == either(LONG).data
    assert "no" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "longst"}, "padding='longst'; did you mean 'longest'?"),
        ({"truncation": "first"}, "truncation='first'; did you mean 'only_first'?"),
        ({"return_tensors": "tf"}, "return_tensors='tf'; known: np, pt"),
        ({"padding_side": "up"}, "padding_side='up'; known: left, right"),
        ({"return_token_type_ids": True, "add_special_tokens": False}, "has no meaning"),
        ({"padding": True, "truncation": True, "max_length": 7, "pad_to_multiple_of": 4}, "not a multiple of"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(either: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as raised:
        either(LONG, **options)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs text"),
        ((5,), "text is a int"),
        (([5],), "text is a list of int"),
        ((["a", "b"], ["c"]), "text has 2 items and text_pair 1"),
        ((["a", "b"], "c"), "text has 2 items and text_pair one"),
        ((["a", None],), "not a string"),
        ((["a", ["b", "c", "d"]],), "is_split_into_words=True"),
        (("\ud800",), "half of a surrogate pair"),
    ],
)
def test_inputs_that_are_no_text_are_refused(either: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError) as raised:
        either(*arguments)
    assert message in str(raised.value)


def test_the_slow_tokenizer_names_the_one_that_has_places(slow: AlbertTokenizer) -> None:
    with pytest.raises(UserError, match="AlbertTokenizerFast"):
        slow(LONG, return_offsets_mapping=True)
    with pytest.raises(UserError, match=r"word_ids\(\) needs the fast tokenizer"):
        slow(LONG).word_ids()


def test_a_batch_answers_for_tokens_words_and_characters(fast: AlbertTokenizerFast) -> None:
    text, pair = "The quick  (fox)", "jumps"
    batch = fast(text, pair)
    tokens, words = batch.tokens(), batch.word_ids()
    assert tokens == fast.convert_ids_to_tokens(batch["input_ids"])
    assert batch.sequence_ids()[0] is None
    assert [w for w, s in zip(words, batch.sequence_ids(), strict=True) if s == 0] == sorted(
        w for w, s in zip(words, batch.sequence_ids(), strict=True) if s == 0 and w is not None
    )
    place = batch.char_to_token(0, text.index("fox"))
    assert place is not None
    assert text[slice(*batch.token_to_chars(0, place))].startswith("f")
    assert batch.token_to_word(0, place) == batch.char_to_word(0, text.index("(")) == 2
    assert batch.token_to_sequence(0, place) == 0
    assert text[slice(*batch.word_to_chars(0, 1))] == "quick"
    span = batch.word_to_tokens(0, 0)
    assert span == (1, 2)
    assert text[slice(*batch.token_to_chars(span.start))] == "The"
    assert batch.char_to_token(0, 0, sequence_index=1) == batch.sequence_ids().index(1) + (
        tokens[batch.sequence_ids().index(1)] == "▁"
    )
    assert batch.n_sequences == 2
    assert batch[0].ids == batch["input_ids"]


def test_padding_shifts_what_a_batch_answers(fast: AlbertTokenizerFast) -> None:
    right = fast(["the quick", "the"], padding=True)
    left = fast(["the quick", "the"], padding=True, padding_side="left")
    shift = right["attention_mask"][1].count(0)
    assert right.char_to_token(1, 0) == 1
    assert left.char_to_token(1, 0) == 1 + shift
    assert left.word_ids(1) == [None] * shift + right.word_ids(1)[: len(right.word_ids(1)) - shift]
    assert left.encodings[1].attention_mask == left["attention_mask"][1]


def test_words_that_a_user_split_keep_their_numbers(fast: AlbertTokenizerFast) -> None:
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


def test_a_tokenizer_pickles_and_copies(either: Any) -> None:
    either.add_tokens(["brand new"])
    for twin in (pickle.loads(pickle.dumps(either)), copy.deepcopy(either)):
        assert twin("a brand new day [MASK]").data == either("a brand new day [MASK]").data


def test_sampled_pieces_still_spell_the_text(own_model: Path) -> None:
    tokenizer = AlbertTokenizer(
        str(own_model), sp_model_kwargs={"enable_sampling": True, "alpha": 0.1, "nbest_size": -1}
    )
    drawn = {tuple(tokenizer.tokenize("hahahaha the quick")) for _ in range(30)}
    assert len(drawn) > 1
    assert {tokenizer.convert_tokens_to_string(tokens) for tokens in drawn} == {"hahahaha the quick"}


def test_roles_can_be_changed(either: Any) -> None:
    assert (either.cls_token, either.cls_token_id) == ("[CLS]", 2)
    either.pad_token = "[MASK]"
    assert either.pad_token_id == 4
    either.pad_token_id = 0
    assert either.pad_token == "<pad>"
    either.pad_token = None
    with pytest.raises(UserError, match="padding needs a pad_token"):
        either(["a", "b c"], padding=True)
    with pytest.raises(UserError, match="did you mean 'cls_token'"):
        either.add_special_tokens({"cls_tokn": "x"})


def test_lengths_that_special_tokens_leave(kind: Any, own_model: Path) -> None:
    tokenizer = kind(str(own_model), model_max_length=128)
    assert (tokenizer.max_len_single_sentence, tokenizer.max_len_sentences_pair) == (126, 125)


def test_tokenizers_need_no_torch_until_tensors_are_asked_for(own_model: Path) -> None:
    probe = (
        "import sys; from albert_lab import AlbertTokenizer, AlbertTokenizerFast; "
        f"[kind({str(own_model)!r})('a b', return_tensors='np') for kind in (AlbertTokenizer, AlbertTokenizerFast)]; "
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
