"""Trains a vocabulary: SentencePiece unigram with ALBERT's ids and symbols, the same bytes from the same sentences."""

import re
from collections.abc import Iterable, Iterator
from itertools import count

import numpy as np

from albert_lab.config.training import TokenizerConfig
from albert_lab.data.random_bits import random_bits
from albert_lab.data.store.text_encoder import SPECIAL_PIECES
from albert_lab.errors import UserError
from albert_lab.tokenizer.training import smallest_vocab_size, train_pieces

_SEED = 0x9E3779B9


def train_vocabulary(sentences: Iterable[str], tokenizer: TokenizerConfig) -> bytes:
    """A `.model` of `vocab_size` pieces, from at most `training_sentences` of the (preprocessed) sentences.

    Raises: UserError that names the largest vocabulary these sentences can give, or the smallest that holds their
    characters.
    """
    sample = sample_sentences(sentences, tokenizer.training_sentences)
    if not any(sample):
        raise UserError("the vocabulary can't be trained: no training document has a sentence; lower data.held_out")
    control_symbols = list(SPECIAL_PIECES)[2:]
    try:
        return train_pieces(
            sample, tokenizer.vocab_size, control_symbols, character_coverage=tokenizer.character_coverage
        )
    except RuntimeError as error:
        raise _explain_error(error, tokenizer.vocab_size) from None


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


def _explain_error(error: RuntimeError, vocab_size: int) -> Exception:
    too_large = re.search(r"too high .*<= (\d+)", str(error), re.DOTALL)
    if too_large:
        return UserError(
            f"tokenizer.vocab_size={vocab_size} is too large for this corpus; the largest that works is "
            f"{too_large.group(1)} (model.vocab_size follows it), or take more text"
        )
    smallest = smallest_vocab_size(error)
    if smallest is not None:
        return UserError(
            f"tokenizer.vocab_size={vocab_size} is too small for this corpus; its characters alone need "
            f"{smallest}, or lower tokenizer.character_coverage"
        )
    return error
