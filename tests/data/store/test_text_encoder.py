"""ALBERT's preprocessing, ids and word starts; vocabularies that repeat byte for byte."""

from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from albert_lab.config.training import TokenizerConfig
from albert_lab.data.store.text_encoder import SPECIAL_PIECES, TextEncoder, preprocess, starts_word
from albert_lab.data.store.train_vocabulary import sample_sentences, train_vocabulary
from albert_lab.errors import UserError
from albert_lab.tokenizer.training import USER_SYMBOLS
from tests.lab import made_up_text

SENTENCES = [preprocess(line) for line in made_up_text(60).splitlines() if line]


@pytest.mark.parametrize(
    ("lower", "keep_accents", "expected"),
    [(True, False, "un cafe a 5"), (False, False, "Un Cafe A 5"), (True, True, "un café à 5")],
)
def test_preprocessing_follows_its_switches(lower: bool, keep_accents: bool, expected: str) -> None:
    assert preprocess(" Un\tCafé  À\n5 ", lower, keep_accents) == expected


@pytest.mark.parametrize("piece", ["▁the", "▁", "<pad>", ".", "(", "9", "'", "s'", "[CLS]1", "é", "—", "€", "a9"])
def test_pieces_that_start_a_word(piece: str) -> None:
    assert starts_word(piece)


@pytest.mark.parametrize("piece", ["ing", "S", "a-b", "..", "[CLS]"])
def test_pieces_that_go_on_with_a_word(piece: str) -> None:
    """Letters and punctuation together; Google's rule looks at special pieces before it."""
    assert not starts_word(piece)


def test_a_vocabulary_has_alberts_ids_and_repeats_byte_for_byte() -> None:
    settings = TokenizerConfig(vocab_size=100)
    model = train_vocabulary(SENTENCES, settings)
    assert train_vocabulary(iter(SENTENCES), settings) == model
    tokenizer = TextEncoder(model)
    assert tokenizer.pieces[:13] == [*SPECIAL_PIECES, *USER_SYMBOLS]
    assert tokenizer.vocab_size == 100
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (
        0,
        1,
        2,
        3,
        4,
    )


def test_a_vocabulary_that_is_too_large_names_the_largest_that_works() -> None:
    with pytest.raises(UserError, match="the largest that works is") as raised:
        train_vocabulary(SENTENCES, TokenizerConfig(vocab_size=5000))
    largest = int(str(raised.value).split("works is ")[1].split()[0])
    assert TextEncoder(train_vocabulary(SENTENCES, TokenizerConfig(vocab_size=largest))).vocab_size == largest


def test_a_vocabulary_that_is_too_small_names_what_its_characters_need() -> None:
    with pytest.raises(UserError, match="its characters alone need"):
        train_vocabulary(SENTENCES, TokenizerConfig(vocab_size=20))


def test_no_sentences_are_refused() -> None:
    with pytest.raises(UserError, match="no training document has a sentence"):
        train_vocabulary([], TokenizerConfig(vocab_size=50))


def test_training_sentences_are_a_uniform_sample() -> None:
    """Every sentence equally likely to stay: mean index within 5 sigma, none twice, the same again."""
    texts = [str(number) for number in range(20_000)]
    kept = sample_sentences(texts, 1000)
    assert kept == sample_sentences(iter(texts), 1000)
    assert len(set(kept)) == 1000
    assert abs(np.mean([int(text) for text in kept]) - 10_000) < 5 * 20_000 / np.sqrt(12 * 1000)
    assert sample_sentences(texts[:10], 1000) == texts[:10]


def test_other_models_are_refused_with_what_they_lack(tmp_path: Path) -> None:
    import io

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=60, minloglevel=2
    )
    with pytest.raises(UserError, match=r"is not an ALBERT vocabulary: it lacks <pad> at 0"):
        TextEncoder(model.getvalue())
    with pytest.raises(UserError, match="is not a SentencePiece model"):
        TextEncoder(b"nonsense")
    with pytest.raises(UserError, match="can't be read"):
        TextEncoder.load(tmp_path / "absent.model")


def test_ids_are_those_of_alberts_vocabulary(spiece: Path) -> None:
    """Hugging Face's own expectations for this file (tests/models/albert/test_tokenization_albert.py)."""
    tokenizer = TextEncoder.load(spiece, keep_accents=True)
    first, second, empty = tokenizer.encode(["This is a test", "I was born in 92000, and this is falsé.", ""])
    assert first.tolist() == [48, 25, 21, 1289]
    assert second.tolist() == [31, 23, 386, 19, 561, 3050, 15, 17, 48, 25, 8256, 18, 1, 9]
    assert empty.tolist() == []


def test_a_comma_after_a_digit_is_a_piece_of_its_own(spiece: Path) -> None:
    tokenizer = TextEncoder.load(spiece)
    pieces = [
        [tokenizer.pieces[i] for i in ids] for ids in tokenizer.encode(["1,234,567", "no digits, here", "in 2000, x"])
    ]
    assert pieces[0] == ["▁1", ",", "234", ",", "5", "67"]
    assert pieces[1] == ["▁no", "▁digits", ",", "▁here"]
    assert pieces[2] == ["▁in", "▁2000", ",", "▁x"]


def test_word_starts_cover_the_vocabulary(spiece: Path) -> None:
    tokenizer = TextEncoder.load(spiece)
    assert tokenizer.word_starts.shape == (30_000,)
    assert tokenizer.word_starts[[14, 15, 9]].all()  # ▁the , .
    assert not tokenizer.word_starts[tokenizer.pieces.index("ing")]
