"""Trains a vocabulary: SentencePiece unigram with ALBERT's ids and symbols, the same bytes from the same sentences."""

import io
import re
from collections.abc import Iterable, Iterator

from albert_lab.config.training import TokenizerConfig
from albert_lab.data.store.text_encoder import SPECIAL_PIECES
from albert_lab.errors import UserError

USER_SYMBOLS = ["(", ")", '"', "-", ".", "–", "£", "€"]  # Google's README; a list, since a quoted comma list is misread
_TRAINER_THREADS = 8  # fixed: partial sums are added thread by thread, so another number could change the pieces
_SEED = 0x9E3779B9


def train_vocabulary(sentences: Iterable[str], tokenizer: TokenizerConfig) -> bytes:
    """A `.model` of `vocab_size` pieces, from at most `training_sentences` of the (preprocessed) sentences.

    Raises: UserError that names the largest vocabulary these sentences can give, or the smallest that holds their
    characters.
    """
    import sentencepiece

    sample = _sample(sentences, tokenizer.training_sentences)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sample),
            model_writer=model,
            model_type="unigram",
            vocab_size=tokenizer.vocab_size,
            character_coverage=tokenizer.character_coverage,
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            control_symbols=list(SPECIAL_PIECES)[2:],
            user_defined_symbols=USER_SYMBOLS,
            shuffle_input_sentence=False,  # its shuffle is seeded by the clock; ours happens in `_sample`
            num_threads=_TRAINER_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _too_large_or_small(str(error), tokenizer.vocab_size) from None
    return model.getvalue()


def _sample(sentences: Iterable[str], most: int) -> list[str]:
    """A uniform sample without replacement (Algorithm R), in bounded memory and the same every time."""
    kept: list[str] = []
    for count, (sentence, draw) in enumerate(zip(sentences, _draws(), strict=False)):
        if count < most:
            kept.append(sentence)
        elif (place := draw * (count + 1) >> 64) < most:
            kept[place] = sentence
    return kept


def _draws() -> Iterator[int]:
    """SplitMix64: 64-bit random integers that do not depend on a library's version."""
    state, limit = _SEED, (1 << 64) - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & limit
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & limit
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & limit
        yield mixed ^ (mixed >> 31)


def _too_large_or_small(message: str, vocab_size: int) -> Exception:
    too_large = re.search(r"too high .*<= (\d+)", message, re.DOTALL)
    if too_large:
        return UserError(
            f"tokenizer.vocab_size={vocab_size} is too large for this corpus; the largest that works is "
            f"{too_large.group(1)} (model.vocab_size follows it), or take more text"
        )
    too_small = re.search(r"smaller than required_chars\. \d+ vs (\d+)", message)
    if too_small:
        return UserError(
            f"tokenizer.vocab_size={vocab_size} is too small for this corpus; its characters alone need "
            f"{too_small.group(1)}, or lower tokenizer.character_coverage"
        )
    if "empty" in message.lower() or "sentences_.empty()" in message:
        return UserError("the vocabulary can't be trained: no training document has a sentence; lower data.held_out")
    return RuntimeError(message)
