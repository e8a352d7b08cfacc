"""Ids, tokens, masks and decoded text equal what transformers 4.57.6's slow tokenizer gave (tests/golden)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from tests.golden.tokenizer_4_57_6 import long_line
from tests.lab import SHARED_DATA

OVERFLOW = "return_overflowing_tokens"  # the fast tokenizer returns windows instead: tests of their own


def plain(value: Any) -> Any:
    """As JSON has it: tuples are lists."""
    return json.loads(json.dumps(value))


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def test_nasty_texts_have_the_ids_and_tokens_of_4_57_6(either: Any, golden: dict[str, Any]) -> None:
    for case in golden["texts"]:
        assert either(case["text"])["input_ids"] == case["ids"], case["text"]
        assert either.tokenize(case["text"]) == case["tokens"], case["text"]
        assert either.convert_ids_to_tokens(case["ids"])[1:-1] == [
            token if either.convert_tokens_to_ids(token) != 1 else "<unk>" for token in case["tokens"]
        ]


def test_ids_decode_to_the_text_of_4_57_6(either: Any, golden: dict[str, Any]) -> None:
    ids = [case["ids"] for case in golden["texts"]]
    assert either.batch_decode(ids) == [case["decoded"] for case in golden["texts"]]
    clean = either.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
    assert clean == [case["decoded_without_special"] for case in golden["texts"]]


def test_calls_give_what_4_57_6_gives(slow: AlbertTokenizer, golden: dict[str, Any]) -> None:
    for case in golden["calls"]:
        assert plain(slow(**case["arguments"]).data) == case["gives"], case["arguments"]


def test_the_fast_tokenizers_calls_give_the_same(fast: AlbertTokenizerFast, golden: dict[str, Any]) -> None:
    for case in golden["calls"]:
        if OVERFLOW not in case["arguments"]:
            assert plain(fast(**case["arguments"]).data) == case["gives"], case["arguments"]


def test_settings_act_as_in_4_57_6(kind: Any, own_model: Path, golden: dict[str, Any]) -> None:
    texts = [case["text"] for case in golden["texts"]]
    for case in golden["settings"]:
        tokenizer = kind(str(own_model), **case["settings"])
        assert tokenizer(texts)["input_ids"] == case["ids"], case["settings"]
        names = next(call["arguments"]["text"] for call in golden["calls"])
        cut = tokenizer(names, max_length=8, truncation=True, padding=True, return_special_tokens_mask=True)
        assert plain(cut.data) == case["cut"], case["settings"]
        if not tokenizer.is_fast:
            overflow = tokenizer(names[5], max_length=9, truncation=True, stride=2, return_overflowing_tokens=True)
            assert plain(overflow.data) == case["overflow"], case["settings"]


def test_added_tokens_act_as_in_4_57_6(either: Any, golden: dict[str, Any]) -> None:
    from tokenizers import AddedToken

    from tests.golden.tokenizer_4_57_6 import ADDED

    case = golden["added"]
    counts = [either.add_tokens(ADDED)]
    counts.append(either.add_special_tokens({"additional_special_tokens": ["<a>", AddedToken("<b>", rstrip=True)]}))
    counts.append(either.add_tokens([AddedToken("<c>", single_word=True, normalized=False)]))
    counts.append(either.add_special_tokens({"cls_token": "[X]"}))
    assert counts == case["counts"]
    assert len(either) == case["size"]
    assert [either(text)["input_ids"] for text in case["texts"]] == case["ids"]
    assert either(case["texts"])["input_ids"] == case["ids"]
    assert either.batch_decode(case["ids"]) == case["decoded"]
    assert either.batch_decode(case["ids"], skip_special_tokens=True) == case["skipped"]
    assert either.all_special_tokens == case["special"]
    assert either.all_special_ids == case["special_ids"]
    assert either.get_added_vocab() == case["added"]


def test_methods_give_what_those_of_4_57_6_give(either: Any, golden: dict[str, Any]) -> None:
    a, b = [20, 21, 22, 23, 24], [30, 31, 32]
    found = golden["methods"]
    assert [either.build_inputs_with_special_tokens(a), either.build_inputs_with_special_tokens(a, b)] == found["built"]
    types = either.create_token_type_ids_from_sequences
    assert [types(a), types(a, b)] == found["types"]
    mask = either.get_special_tokens_mask
    finished = mask([2, 20, 4, 3, 5, 1, 0], already_has_special_tokens=True)
    assert [mask(a), mask(a, b), finished] == found["masks"]
    assert [either.num_special_tokens_to_add(), either.num_special_tokens_to_add(pair=True)] == found["around"]
    for how, remove, stride, expected in found["removed"]:
        assert plain(either.truncate_sequences(a, b, remove, how, stride)) == expected, (how, remove, stride)
    assert plain(either.pad([{"input_ids": a}], max_length=7, padding="max_length").data) == found["padded"]


def test_the_vocabulary_is_that_of_4_57_6(either: Any, golden: dict[str, Any]) -> None:
    found = golden["methods"]
    assert [either.all_special_tokens, either.all_special_ids] == found["special"]
    assert either.special_tokens_map == found["map"]
    assert [either.vocab_size, len(either)] == found["sizes"]
    assert digest(sorted(either.get_vocab().items())) == found["vocabulary"]
    for token, index in found["ids_of"]:
        assert either.convert_tokens_to_ids(token) == index
    for tokens, text in found["strings"]:
        assert either.convert_tokens_to_string(tokens) == text


def test_a_megabyte_in_one_line_has_the_ids_of_4_57_6(either: Any, golden: dict[str, Any]) -> None:
    line = long_line()
    assert len(line) == golden["long_line"]["characters"] == 1 << 20
    assert digest(either(line)["input_ids"]) == golden["long_line"]["digest"]


@pytest.fixture(scope="module")
def english() -> tuple[Path, list[str]]:
    """The English vocabulary and the lines of wikitext-2's test file."""
    model, text = SHARED_DATA / "spm" / "spiece.model", SHARED_DATA / "wikitext-2" / "test.txt"
    if not model.exists() or not text.exists():
        pytest.skip(f"{SHARED_DATA} is not here: the shared data is for development only")
    return model, text.read_text(encoding="utf-8").split("\n")


def test_every_line_of_wikitext_2_has_the_ids_masks_and_types_of_4_57_6(
    kind: Any, english: tuple[Path, list[str]], golden: dict[str, Any]
) -> None:
    found = json.loads((Path(__file__).parents[1] / "golden" / "tokenizer_wikitext2.json").read_text(encoding="ascii"))
    model, lines = english
    tokenizer = kind(str(model))
    assert len(lines) == found["lines"]
    for texts, expected in ((lines, found["digests"]), ([c["text"] for c in golden["texts"]], found["nasty"])):
        batch = tokenizer(texts).data
        rows = [{key: values[i] for key, values in batch.items()} for i in range(len(texts))]
        wrong = [i for i, row in enumerate(rows) if digest(row)[:8] != expected[8 * i : 8 * i + 8]]
        assert not wrong
    assert digest(tokenizer(long_line())["input_ids"]) == found["long_line"]
