"""Calls and methods, and the arguments that they refuse."""

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
from albert_lab.tokenizer import AlbertTokenizer

LONG = "the quick brown fox jumps over the lazy dog"


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


def test_split_special_tokens_is_a_setting_and_an_argument(kind: Any, own_model: Path) -> None:
    plain, splitting = kind(str(own_model)), kind(str(own_model), split_special_tokens=True)
    pieces = plain.tokenize("a [MASK]", split_special_tokens=True)
    assert pieces == splitting.tokenize("a [MASK]")
    ids = splitting("a [MASK]")["input_ids"]
    assert ids == plain("a [MASK]", split_special_tokens=True)["input_ids"]
    assert ids[1:-1] == plain.convert_tokens_to_ids(pieces)


def test_decode_takes_lists_arrays_tensors_and_one_id(either: Any) -> None:
    ids = either("the quick fox")["input_ids"]
    for form in (ids, np.array(ids), torch.tensor(ids)):
        assert either.decode(form, skip_special_tokens=True) == "the quick fox"
    assert either.decode(either.convert_tokens_to_ids("▁the")) == "the"
    assert either.batch_decode(torch.tensor([ids, ids]), skip_special_tokens=True) == ["the quick fox"] * 2


def test_ids_of_another_tokenizer_are_refused(either: Any) -> None:
    with pytest.raises(UserError, match="id 30000 is beyond this vocabulary of 900"):
        either.decode([5, 30_000])


def test_a_text_that_is_too_long_warns_once_and_stays_whole(
    kind: Any, own_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = kind(str(own_model), model_max_length=512)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        assert len(tokenizer.encode("a " * 5000)) == 10_002
    warnings = [record for record in caplog.records if "(10002 > 512)" in record.getMessage()]
    assert len(warnings) == 1
    assert len(tokenizer.encode("a " * 5000, truncation=True)) == 512


def test_truncation_without_a_limit_changes_nothing_and_warns(either: Any, caplog: pytest.LogCaptureFixture) -> None:
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
def test_invalid_arguments_are_refused(either: Any, options: dict[str, Any], message: str) -> None:
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
def test_inputs_that_are_not_text_are_refused(either: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError) as raised:
        either(*arguments)
    assert message in str(raised.value)


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


def test_the_tokens_of_roles_can_be_changed(either: Any) -> None:
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


def test_max_len_leaves_room_for_special_tokens(kind: Any, own_model: Path) -> None:
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


def test_arguments_that_make_no_difference_here_are_accepted(kind: Any, own_model: Path, tmp_path: Path) -> None:
    unused = {"use_fast": True, "from_slow": True, "verbose": False, "trust_remote_code": False}
    tokenizer = kind(str(own_model), **unused)
    assert tokenizer(LONG).data == kind(str(own_model))(LONG).data
    tokenizer.save_pretrained(tmp_path)
    assert kind.from_pretrained(tmp_path, **unused, force_download=False)(LONG).data == tokenizer(LONG).data


def test_init_kwargs_make_another_such_tokenizer(kind: Any, own_model: Path, tmp_path: Path) -> None:
    first = kind(str(own_model), padding_side="left", do_lower_case=False, additional_special_tokens=["<x>"])
    assert first.init_kwargs["padding_side"] == "left"
    assert first.init_kwargs["cls_token"] == "[CLS]"
    first.save_pretrained(tmp_path)
    for tokenizer in (first, kind.from_pretrained(tmp_path)):
        again = kind(**tokenizer.init_kwargs)
        assert again(["The <x>", LONG], padding=True).data == tokenizer(["The <x>", LONG], padding=True).data
        assert again.additional_special_tokens_ids == tokenizer.additional_special_tokens_ids
        assert repr(again) == repr(tokenizer)


def test_anything_but_a_text_is_refused_by_tokenize(either: Any) -> None:
    for wrong in ([], ["the"], None, 3):
        with pytest.raises(UserError, match="tokenize expects a string where it got"):
            either.tokenize(wrong)
    with pytest.raises(UserError, match="tokenize expects a string where it got"):
        either.tokenize("the", pair=["quick"])
