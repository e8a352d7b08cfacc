"""`train_new_from_iterator`: new pieces, everything else as it was."""

from pathlib import Path
from typing import Any

import pytest

from albert_lab.errors import UserError
from tests.lab import made_up_text

TEXTS = [line for line in made_up_text(40).splitlines() if line]


def test_a_trained_tokenizer_spells_the_texts_with_the_special_tokens_first(either: Any) -> None:
    trained = either.train_new_from_iterator([TEXTS[:50], TEXTS[50:]], 100)
    assert type(trained) is type(either)
    assert trained.vocab_size == 100
    assert trained.convert_ids_to_tokens(range(5)) == ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    assert trained.special_tokens_map == either.special_tokens_map
    for text in TEXTS[:5]:
        ids = trained(text)["input_ids"]
        assert trained.unk_token_id not in ids
        assert trained.decode(ids, skip_special_tokens=True) == text.lower()


def test_it_is_the_vocabulary_that_the_lab_trains(either: Any) -> None:
    from albert_lab.config.training import TokenizerConfig
    from albert_lab.data.store.train_vocabulary import train_vocabulary
    from albert_lab.tokenizer.piece_model import PieceModel

    trained = either.train_new_from_iterator(iter(TEXTS), 90)
    by_the_lab = PieceModel(train_vocabulary([line.lower() for line in TEXTS], TokenizerConfig(vocab_size=90)))
    assert list(trained.get_vocab()) == by_the_lab.pieces


def test_settings_and_special_tokens_are_kept_renamed_and_added(kind: Any, own_model: Path) -> None:
    first = kind(str(own_model), do_lower_case=False, padding_side="left", additional_special_tokens=["<a>"])
    trained = first.train_new_from_iterator(
        TEXTS, 120, new_special_tokens=["<b>"], special_tokens_map={"[CLS]": "<cls>", "[MASK]": "<mask>"}
    )
    assert (trained.do_lower_case, trained.padding_side) == (False, "left")
    assert (trained.cls_token, trained.bos_token, trained.mask_token) == ("<cls>", "<cls>", "<mask>")
    assert trained.additional_special_tokens == ["<a>", "<b>"]
    assert all(index < trained.vocab_size for index in trained.all_special_ids)
    assert len(trained) == trained.vocab_size == 120
    assert trained.tokenize("ba <mask><b>")[-2:] == ["<mask>", "<b>"]


def test_a_trained_tokenizer_saves_loads_and_trains_again(kind: Any, own_model: Path, tmp_path: Path) -> None:
    trained = kind(str(own_model)).train_new_from_iterator(TEXTS, 100)
    trained.save_pretrained(tmp_path)
    assert kind.from_pretrained(tmp_path)(TEXTS[:3]).data == trained(TEXTS[:3]).data
    assert trained.train_new_from_iterator(TEXTS, 100).get_vocab() == trained.get_vocab()


def test_few_texts_give_fewer_pieces_and_long_ones_count(either: Any) -> None:
    assert either.train_new_from_iterator(["ba do ki"], 1000).vocab_size < 100
    long = " ".join(TEXTS)
    assert len(long.encode()) > 4192  # SentencePiece leaves out longer sentences unless asked
    assert either.train_new_from_iterator([long], 100).vocab_size == 100


@pytest.mark.parametrize(
    ("texts", "vocab_size", "message"),
    [
        ([], 100, "without text"),
        (["", "  "], 100, "without text"),
        (TEXTS, 15, "vocab_size=15 can't be trained on these texts: their characters alone need"),
        (TEXTS, 0, "vocab_size=0 can't be trained"),
        ([1], 100, "train_new_from_iterator expects a string where it got 1"),
        ([["a", 1]], 100, "train_new_from_iterator expects a string where it got 1"),
    ],
)
def test_texts_that_give_no_vocabulary_are_refused(either: Any, texts: Any, vocab_size: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        either.train_new_from_iterator(texts, vocab_size)
