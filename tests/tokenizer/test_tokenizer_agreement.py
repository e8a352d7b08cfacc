"""The fast tokenizer equals the slow one on every text, and each token's offsets in the text are right."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from tests.golden.tokenizer_4_57_6 import NASTY, long_line
from tests.lab import ROOT, SHARED_DATA, made_up_text

MODEL = str(ROOT / "tests" / "golden" / "own.model")
PAIRS = [
    (kind(MODEL, **given), given)
    for given in ({}, {"do_lower_case": False}, {"keep_accents": True}, {"remove_space": False})
    for kind in (AlbertTokenizer, AlbertTokenizerFast)
]
SLOW, FAST = [t for t, _ in PAIRS[::2]], [t for t, _ in PAIRS[1::2]]
TRICKY = ["[MASK]", "<unk>", "1,000", "12,", ",", " ", "  ", "\n", "(", "-", "é", "e\u0301", "Σ", "İ", "日", "``", "''"]
TRICKY += ["!", "a", "ab", "ba", "▁", "ﬁ", "\x00", "\x1c", "\u200d", "👍", "שלום", "[mask]", "the", "９", "\u0301"]
TEXTS = st.text() | st.lists(st.sampled_from(TRICKY), max_size=20).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from([0, 1, 2, 3]))
@example("!!!!!!!", 0)
def test_slow_and_fast_agree_on_any_text(text: str, which: int) -> None:
    slow, fast = SLOW[which], FAST[which]
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    assert fast(text).data == slow(text).data
    detailed = fast(text, return_offsets_mapping=True)
    assert detailed["input_ids"] == slow(text)["input_ids"]
    assert detailed.encodings[0].ids == detailed["input_ids"]
    assert detailed.tokens() == slow.tokenize(text, add_special_tokens=True)
    assert len(detailed["offset_mapping"]) == len(detailed["input_ids"])


BLANK = st.sampled_from(["", " ", "  ", "\n", "\t ", "\x00", "\u200d", "\u3000", "\ufeff", "\u00a0"])


@settings(max_examples=100, deadline=None)
@given(BLANK, BLANK | st.none(), st.booleans(), st.sampled_from([0, 1, 2, 3]))
def test_slow_and_fast_agree_on_empty_and_blank_texts_in_every_method(
    text: str, pair: str | None, special: bool, which: int
) -> None:
    results = []
    for tokenizer in (SLOW[which], FAST[which]):
        ids = tokenizer.encode(text, pair, add_special_tokens=special)
        results.append([
            ids,
            tokenizer.tokenize(text, pair, add_special_tokens=special),
            tokenizer(text, pair, add_special_tokens=special, padding="max_length", max_length=6).data,
            tokenizer(text, pair, add_special_tokens=special, truncation=True, max_length=4).data,
            tokenizer([text], None if pair is None else [pair], add_special_tokens=special).data,
            tokenizer([text], add_special_tokens=special, return_special_tokens_mask=True, return_length=True).data,
            tokenizer([], add_special_tokens=special).data,
            tokenizer([text], is_split_into_words=True, add_special_tokens=special).data,
            tokenizer([], is_split_into_words=True, add_special_tokens=special).data,
            tokenizer(text_target=text).data,
            tokenizer.batch_encode_plus([text, "a"], padding=True, add_special_tokens=special).data,
            tokenizer.prepare_for_model([], None if pair is None else []).data,
            tokenizer.pad({"input_ids": [ids, [5]]}).data,
            tokenizer.truncate_sequences([], None),
            (tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=True), tokenizer.batch_decode([ids, []])),
            (tokenizer.convert_ids_to_tokens(ids), tokenizer.convert_tokens_to_ids([])),
            tokenizer.convert_tokens_to_string([]),
            tokenizer.build_inputs_with_special_tokens([], None if pair is None else []),
            tokenizer.get_special_tokens_mask([]),
            tokenizer.create_token_type_ids_from_sequences([]),
        ])  # fmt: skip
    slow, fast = results
    assert fast == slow


def test_an_empty_text_is_its_special_tokens() -> None:
    for tokenizer in (*SLOW, *FAST):
        assert tokenizer.tokenize("") == []
        assert tokenizer.tokenize("", add_special_tokens=True) == ["[CLS]", "[SEP]"]
        assert tokenizer.tokenize("", "", add_special_tokens=True) == ["[CLS]", "[SEP]", "[SEP]"]


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from([0, 1, 2, 3]))
@example("a [MASK] b", 0)
@example("Ünï cödé ﬁx", 0)
@example("0 ▁0,", 0)
@example("0▁  0,", 0)
@example("0,\x1f", 3)
@example("", 0)
def test_offsets_are_in_order_and_spell_their_pieces(text: str, which: int) -> None:
    """From left to right; and the text at a piece's offsets, normalised alone, has the visible part of the piece."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    fast = FAST[which]
    batch = fast(text, return_offsets_mapping=True, add_special_tokens=False)
    offsets = batch["offset_mapping"]
    assert [first for first, _ in offsets] == sorted(first for first, _ in offsets)
    assert [last for _, last in offsets] == sorted(last for _, last in offsets)
    assert all(0 <= first <= last <= len(text) for first, last in offsets)
    normalize = fast._table.model._model.normalize
    for (first, last), token in zip(offsets, batch.tokens(), strict=True):
        shown = text[first:last]
        if token in fast.added_tokens_encoder:
            assert shown.lower() == token.lower()
        else:
            assert visible(token) in visible(normalize(fast._preprocessing(shown))), (token, shown)


def visible(text: str) -> str:
    """Without SentencePiece's spaces; a Σ's small form depends on what stands around it."""
    return text.replace("▁", "").replace("ς", "σ")


def test_offsets_from_lengths_equal_those_of_sentencepiece() -> None:
    draw = random.Random(3)
    model = FAST[0]._table.model
    for _ in range(300):
        text = " ".join("".join(draw.choices("abhto1,.-(!@~", k=draw.randint(1, 9))) for _ in range(draw.randint(1, 6)))
        ids = model.encode([text])[0]
        short = model.offsets_from_lengths(text, ids)
        expected = [
            (a + 1, b) if len(piece) > 1 and piece[0] == "▁" and text[a] == " " else (a, b)
            for piece, (a, b) in model.find_spans(text)
        ]
        assert short is None or short == expected, text


def test_offsets_of_a_text_with_everything() -> None:
    text = "  The quick ``brown''\tfox, Café 1,234 [MASK] (x) "
    batch = FAST[0](text, return_offsets_mapping=True, add_special_tokens=False)
    shown = [text[first:last] for first, last in batch["offset_mapping"]]
    spelled = "".join(part for part in shown if part.strip())
    assert spelled == text.replace(" ", "").replace("\t", "")
    assert shown[batch.tokens().index("[MASK]")] == "[MASK]"
    assert text[slice(*batch["offset_mapping"][batch.tokens().index(",")])] == ","


def test_one_call_gives_what_single_calls_give() -> None:
    texts = [*NASTY, long_line()[:200_000]]
    for slow, fast in zip(SLOW, FAST, strict=True):
        batch = fast(texts)
        assert batch["input_ids"] == [slow(text)["input_ids"] for text in texts]
        assert batch["input_ids"] == [fast(text)["input_ids"] for text in texts]


def test_they_agree_on_a_vocabulary_without_digits_commas_and_accents(tmp_path: Path) -> None:
    """Unknown characters may then end in a digit and a comma, which the rule for commas splits."""
    from albert_lab.config.training import TokenizerConfig
    from albert_lab.data.store.train_vocabulary import train_vocabulary

    lines = [line.lower() for line in made_up_text(40).splitlines() if line]
    file = tmp_path / "spiece.model"
    file.write_bytes(train_vocabulary(lines, TokenizerConfig(vocab_size=80)))
    slow, fast = AlbertTokenizer(str(file)), AlbertTokenizerFast(str(file))
    texts = [*NASTY, "日7, x7,", "7,7,", "ba 12, do"]
    for add in ([], ["日", "7"]):
        slow.add_tokens(add)
        fast.add_tokens(add)
        assert fast(texts).data == slow(texts).data
        assert fast(texts, return_offsets_mapping=True)["input_ids"] == slow(texts)["input_ids"]
    assert slow.tokenize("x7, ") == ["▁", "x", "7", ","] or slow.tokenize("x7, ")[-1] == ","


@pytest.mark.parametrize("options", [
    {"padding": True},
    {"padding": "max_length", "max_length": 9, "truncation": True, "padding_side": "left"},
    {"truncation": "only_second", "max_length": 12, "return_special_tokens_mask": True},
    {"add_special_tokens": False, "truncation": True, "max_length": 5},
    {"return_length": True, "padding": True, "pad_to_multiple_of": 8},
])  # fmt: skip
def test_they_agree_on_pairs_with_any_options(options: dict[str, Any]) -> None:
    first, second = NASTY[:60], NASTY[60:120]
    for slow, fast in zip(SLOW, FAST, strict=True):
        assert fast(first, second, **options).data == slow(first, second, **options).data


def test_they_agree_on_real_text_line_by_line() -> None:
    folder = SHARED_DATA / "wikitext-2"
    if not folder.exists():
        pytest.skip(f"{folder} is not here: the shared data is for development only")
    lines = (folder / "valid.txt").read_text(encoding="utf-8").split("\n")[:1500]
    model = str(SHARED_DATA / "spm" / "spiece.model")
    slow, fast = AlbertTokenizer(model), AlbertTokenizerFast(model)
    batch = fast(lines, return_offsets_mapping=True)
    assert batch["input_ids"] == slow(lines)["input_ids"]
    for line, ids, spans in zip(lines, batch["input_ids"], batch["offset_mapping"], strict=True):
        assert len(ids) == len(spans)
        shown = "".join(line[first:last] for first, last in spans)
        assert shown.replace(" ", "") == "".join(line.split())
