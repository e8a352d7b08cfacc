"""Text to piece ids: ALBERT's preprocessing and a SentencePiece unigram vocabulary (Google's tokenization.py)."""

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import sentencepiece

from albert_lab.config.errors import UserError

SPECIAL_PIECES = {"<pad>": 0, "<unk>": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
_LETTERS_AND_PUNCTUATION = frozenset('abcdefghijklmnopqrstuvwxyz!"#$%&"()*+,-./:;?@[\\]^_`{|}~')
_PUNCTUATION = frozenset('!"#$%&"()*+,-./:;?@[\\]^_`{|}~')
_SPACE = "▁"


def preprocess(text: str, lower: bool = True, keep_accents: bool = False) -> str:
    """White space collapsed, accents dropped (NFKD without combining marks), lower case: Google's preprocess_text."""
    text = " ".join(text.split())
    if not keep_accents and not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return text.lower() if lower else text


def starts_word(piece: str) -> bool:
    """Whether a piece begins a word for whole-word masks (Google's create_pretraining_data.py).

    It does if it begins with ▁ or <, is one punctuation mark, or holds any character that is neither an English letter
    nor punctuation (digits and other scripts are words of their own).
    """
    if piece.startswith((_SPACE, "<")) or piece in _PUNCTUATION:
        return True
    return not all(character.lower() in _LETTERS_AND_PUNCTUATION for character in piece)


class Tokenizer:
    """A SentencePiece model with ALBERT's special pieces, from the bytes of a `.model` file.

    Raises: UserError for bytes that are no model, and for special pieces missing or at other ids.
    """

    pad_id, unk_id, cls_id, sep_id, mask_id = SPECIAL_PIECES.values()

    def __init__(self, model: bytes, name: str = "the tokenizer", lower: bool = True, keep_accents: bool = False):
        self.lower, self.keep_accents = lower, keep_accents
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, OSError):
            raise UserError(f"tokenizer.model_file={name} is no SentencePiece model") from None
        self.pieces: list[str] = self._model.id_to_piece(list(range(self._model.vocab_size())))
        self.vocab_size = len(self.pieces)  # V
        wrong = [f"{p} at {i}" for p, i in SPECIAL_PIECES.items() if i >= self.vocab_size or self.pieces[i] != p]
        if wrong:
            raise UserError(f"tokenizer.model_file={name} is not an ALBERT vocabulary: it lacks {', '.join(wrong)}")

    @classmethod
    def load(cls, file: Path, lower: bool = True, keep_accents: bool = False) -> "Tokenizer":
        """Reads a `.model` file. Raises: UserError where it is missing, no model, or not ALBERT's."""
        try:
            model = file.read_bytes()
        except OSError as error:
            raise UserError(f"tokenizer.model_file={file} can't be read: {error.strerror}") from None
        return cls(model, str(file), lower, keep_accents)

    def encode(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """The ids of each sentence, int32 arrays, without special tokens."""
        ids, lengths = self.encode_flat(sentences)
        return np.split(ids, np.cumsum(lengths)[:-1]) if len(lengths) else []

    def encode_flat(self, sentences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(int32 [N] ids of all sentences joined, int64 [len(sentences)] how many each has)."""
        texts = [preprocess(sentence, self.lower, self.keep_accents) for sentence in sentences]
        encoded: list[list[int]] = self._model.encode(texts, num_threads=1)
        ids, lengths = _joined(encoded)
        if not np.isin(ids, self._comma_ids).any():
            return ids, lengths
        return _joined([[new for old in row for new in self._split_commas.get(old, (old,))] for row in encoded])

    @cached_property
    def _comma_ids(self) -> np.ndarray:
        return np.array(sorted(self._split_commas), np.int32)

    @cached_property
    def _split_commas(self) -> dict[int, list[int]]:
        """Pieces that end in a digit and a comma, with the pieces that ALBERT puts in their place.

        The digits are encoded again and the comma follows by itself (Google's encode_pieces). Like Hugging Face's slow
        tokenizer this leaves out the extra ▁ that Google's code adds on Python 3. What replaces a piece depends on the
        piece alone, so it is worked out once.
        """
        found = {}
        for index, piece in enumerate(self.pieces):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                found[index] = self._without_comma(piece)
        return found

    def _without_comma(self, piece: str) -> list[int]:
        parts: list[str] = self._model.encode(piece[:-1].replace(_SPACE, ""), out_type=str)
        if not piece.startswith(_SPACE) and parts and parts[0].startswith(_SPACE):
            parts = parts[1:] if parts[0] == _SPACE else [parts[0][1:], *parts[1:]]
        return self._model.piece_to_id([*parts, ","])

    @cached_property
    def word_starts(self) -> np.ndarray:
        """bool [V]: see `starts_word`."""
        return np.array([starts_word(piece) for piece in self.pieces])

    def decode(self, ids: Sequence[int]) -> str:
        return self._model.decode(list(map(int, ids)))


def _joined(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return np.fromiter((i for row in rows for i in row), np.int32, int(lengths.sum())), lengths
