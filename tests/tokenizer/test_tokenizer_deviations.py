"""Where we differ from transformers on purpose (docs/tokenizers.md): each row of its table names a test."""

import re
from pathlib import Path
from typing import Any

import pytest
import transformers

from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from albert_lab.tokenizer.model_proto import Kind, ModelProto, Piece, write_model
from tests.lab import ROOT

SPECIAL = [Piece("<pad>", 0, Kind.control), Piece("<unk>", 0, Kind.unknown)]
SPECIAL += [Piece(text, 0, Kind.control) for text in ("[CLS]", "[SEP]", "[MASK]")]


@pytest.fixture
def tied(tmp_path: Path) -> str:
    """A vocabulary in which `!!!` first or last scores the same; rounding decides."""
    pieces = [*SPECIAL, Piece("▁", -2.2), Piece("!", -3.1), Piece("!!!", -5.2)]
    file = tmp_path / "spiece.model"
    file.write_bytes(write_model(ModelProto(pieces, name="identity")))
    return str(file)


def test_the_fast_tokenizer_breaks_ties_as_sentencepiece_does(tied: str) -> None:
    fast = AlbertTokenizerFast(tied)
    assert fast.tokenize("!!!!!!!") == AlbertTokenizer(tied).tokenize("!!!!!!!") == ["▁", "!!!", "!!!", "!"]
    library = fast.backend_tokenizer.encode("!!!!!!!", add_special_tokens=False)
    assert library.tokens == ["▁", "!", "!!!", "!!!"], "the library now agrees: it could find the pieces"


def test_a_piece_with_a_comma_is_split_after_the_search_not_penalised_in_it(
    slow: AlbertTokenizer, fast: AlbertTokenizerFast
) -> None:
    text = "66,66,fox"
    assert fast.tokenize(text) == slow.tokenize(text)
    assert fast.backend_tokenizer.encode(text, add_special_tokens=False).tokens != fast.tokenize(text)


def test_symbols_that_sentencepiece_keeps_whole_take_no_space_after_them(
    fast: AlbertTokenizerFast, own_model: Path
) -> None:
    assert fast.tokenize("(ok)") == ["▁", "(", "o", "k", ")"]
    assert "(" not in fast.get_added_vocab()
    assert fast.decode(fast("the (quick) fox")["input_ids"], skip_special_tokens=True) == "the (quick) fox"


def test_offsets_leave_out_the_space_before_a_word_as_in_transformers_5(
    fast: AlbertTokenizerFast, tmp_path: Path
) -> None:
    fast.save_pretrained(tmp_path)
    theirs = transformers.AlbertTokenizer.from_pretrained(tmp_path)
    text = "The quick brown fox"
    ours = fast(text, return_offsets_mapping=True)["offset_mapping"]
    assert [span for span in ours if span[1] > span[0]] == [
        span for span in theirs(text, return_offsets_mapping=True)["offset_mapping"] if span[1] > span[0]
    ]


def test_token_types_come_without_asking(either: Any) -> None:
    assert list(either("a", "b")) == ["input_ids", "token_type_ids", "attention_mask"]
    assert either("a", "b")["token_type_ids"][-1] == 1


def test_the_fast_tokenizer_masks_special_tokens_of_plain_ids_too(fast: AlbertTokenizerFast) -> None:
    assert fast.get_special_tokens_mask([20, 21], [22]) == [1, 0, 0, 1, 0, 1]


def test_words_are_separated_by_white_space(fast: AlbertTokenizerFast) -> None:
    assert fast("the (quick)fox").word_ids()[1:-1][-1] == 1


def test_a_missing_special_token_is_refused_rather_than_added_beyond_the_embeddings(tmp_path: Path) -> None:
    pieces = [piece for piece in SPECIAL if piece.text != "[MASK]"]
    (tmp_path / "spiece.model").write_bytes(write_model(ModelProto([*pieces, Piece("▁", -2.2)], name="identity")))
    with pytest.raises(UserError, match=r"lacks mask_token='\[MASK\]'"):
        AlbertTokenizer(str(tmp_path / "spiece.model"))


def test_num_truncated_tokens_needs_no_limit(slow: AlbertTokenizer) -> None:
    assert slow("a b", return_overflowing_tokens=True)["num_truncated_tokens"] == 0


def test_every_row_of_the_table_names_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "tokenizers.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    written = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    written += (ROOT / "tests" / "cli" / "test_vocabulary.py").read_text(encoding="utf-8")
    assert len(named) > 10
    assert not [name for name in named if f"def {name}(" not in written]
