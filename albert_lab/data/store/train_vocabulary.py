"""Trains a vocabulary: SentencePiece unigram with ALBERT's ids and symbols, the same bytes from the same sentences."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import count

import numpy as np

from albert_lab.config.training import TokenizerConfig
from albert_lab.data.random_bits import random_bits
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

    sample = sample_sentences(sentences, tokenizer.training_sentences)
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
            shuffle_input_sentence=False,  # its shuffle is seeded by the clock; ours happens in `sample_sentences`
            num_threads=_TRAINER_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explain_error(str(error), tokenizer.vocab_size) from None
    return model.getvalue()


def sample_sentences(sentences: Iterable[str], limit: int) -> list[str]:
    """A uniform sample without replacement (Algorithm R), in bounded memory and the same every time."""
    kept: list[str] = []
    for number, (sentence, bits) in enumerate(zip(sentences, _stream_bits(), strict=False)):
        if number < limit:
            kept.append(sentence)
        elif (index := bits * (number + 1) >> 64) < limit:
            kept[index] = sentence
    return kept


def _stream_bits() -> Iterator[int]:
    """64-bit random integers that don't depend on a library's version."""
    key, at_once = np.array([_SEED], np.uint64), 4096
    for first in count(step=at_once):
        yield from random_bits(key, np.arange(first, first + at_once)).tolist()


def _explain_error(message: str, vocab_size: int) -> Exception:
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
