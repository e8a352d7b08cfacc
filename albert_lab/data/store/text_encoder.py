"""Sentences to piece ids for token stores: Google's tokenization.py, made of the parts in `albert_lab.tokenizer`."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from albert_lab.errors import UserError
from albert_lab.tokenizer.piece_model import SPACE, PieceModel
from albert_lab.tokenizer.preprocessing import Preprocessing

SPECIAL_PIECES = {"<pad>": 0, "<unk>": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
_PUNCTUATION = frozenset('!"#$%&"()*+,-./:;?@[\\]^_`{|}~')
_LETTERS_AND_PUNCTUATION = frozenset("abcdefghijklmnopqrstuvwxyz") | _PUNCTUATION


def preprocess(text: str, lower: bool = True, keep_accents: bool = False) -> str:
    """White space collapsed, accents dropped (NFKD without combining marks), lower case: Google's preprocess_text."""
    return Preprocessing(lower, keep_accents=keep_accents, quotes=False)(text)


def starts_word(piece: str) -> bool:
    """Whether a piece begins a word for whole-word masks (Google's create_pretraining_data.py).

    It does if it begins with ▁ or <, is one punctuation mark, or holds any character that is neither an English letter
    nor punctuation (digits and other scripts are words of their own).
    """
    if piece.startswith((SPACE, "<")) or piece in _PUNCTUATION:
        return True
    return not all(character.lower() in _LETTERS_AND_PUNCTUATION for character in piece)


class TextEncoder:
    """A SentencePiece model with ALBERT's special pieces, from the bytes of a `.model` file.

    Raises: UserError for bytes that are not a model, and for special pieces that are missing or have other ids.
    """

    pad_id, unk_id, cls_id, sep_id, mask_id = SPECIAL_PIECES.values()

    def __init__(
        self, model: bytes | PieceModel, name: str = "the tokenizer", lower: bool = True, keep_accents: bool = False
    ):
        self.lower, self.keep_accents = lower, keep_accents
        self._model = model if isinstance(model, PieceModel) else PieceModel(model, f"tokenizer.model_file={name}")
        self.pieces = self._model.pieces
        self.vocab_size = len(self.pieces)  # V
        wrong = [f"{p} at {i}" for p, i in SPECIAL_PIECES.items() if i >= self.vocab_size or self.pieces[i] != p]
        if wrong:
            raise UserError(f"tokenizer.model_file={name} is not an ALBERT vocabulary: it lacks {', '.join(wrong)}")

    @classmethod
    def load(cls, file: Path, lower: bool = True, keep_accents: bool = False) -> "TextEncoder":
        """Reads a `.model` file. Raises: UserError if it is missing, not a model, or not ALBERT's."""
        return cls(PieceModel.load(file, "tokenizer.model_file"), str(file), lower, keep_accents)

    def encode(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """The ids of each sentence, int32 arrays, without special tokens."""
        ids, lengths = self.encode_flat(sentences)
        return np.split(ids, np.cumsum(lengths)[:-1]) if len(lengths) else []

    def encode_flat(self, sentences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(int32 [N] ids of all sentences joined, int64 [len(sentences)] how many each has)."""
        texts = [preprocess(sentence, self.lower, self.keep_accents) for sentence in sentences]
        rows = self._model.encode(texts, threads=1)  # the work is spread over processes already
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum())), lengths

    @cached_property
    def word_starts(self) -> np.ndarray:
        """bool [V]: see `starts_word`."""
        return np.array([starts_word(piece) for piece in self.pieces])

    def decode(self, ids: Sequence[int]) -> str:
        return self._model.decode_ids(ids)
