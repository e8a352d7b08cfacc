"""What a tokenizer returns: lists or tensors by name, and the way between tokens, words and characters."""

from collections import UserDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tokenizers import Encoding

from albert_lab.errors import UserError

if TYPE_CHECKING:
    import torch


class CharSpan(NamedTuple):
    """Characters [start, end) of a text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens [start, end) of a row."""

    start: int
    end: int


class BatchEncoding(UserDict[str, Any]):
    """`input_ids`, `token_type_ids`, `attention_mask` and what else a call asked for, by key or as attributes.

    From the fast tokenizer it also has a `tokenizers.Encoding` per row (`encodings`), made on first use.
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encoding: Encoding | Sequence[Encoding] | Callable[[], list[Encoding]] | None = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
    ):
        super().__init__(data)
        self._make_encodings = encoding if callable(encoding) else None
        given = [encoding] if isinstance(encoding, Encoding) else encoding
        self._encodings = None if given is None or callable(given) else list(given)
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    def __getitem__(self, item: Any) -> Any:
        """A key's value; for an integer that row's `tokenizers.Encoding`; for a slice those rows of every key."""
        if isinstance(item, str):
            return self.data[item]
        if self.is_fast:
            return self._require_encodings("an integer key")[item]
        if isinstance(item, slice):
            return {key: value[item] for key, value in self.data.items()}
        raise KeyError(item)

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name not in data:
            raise AttributeError(name)
        return data[name]

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "encodings": self.encodings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.data, self._encodings, self._make_encodings = state["data"], state["encodings"], None

    @property
    def is_fast(self) -> bool:
        """Whether the fast tokenizer made it."""
        return self._encodings is not None or self._make_encodings is not None

    @property
    def encodings(self) -> list[Encoding] | None:
        """An `Encoding` per row; None from the slow tokenizer."""
        if self._encodings is None and self._make_encodings is not None:
            self._encodings = self._make_encodings()
        return self._encodings

    @property
    def n_sequences(self) -> int | None:
        """1 for single texts, 2 for pairs, None where it isn't known."""
        return self.encodings[0].n_sequences if self.encodings else None

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row, as text."""
        return list(self._require_encodings("tokens()")[batch_index].tokens)

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """The word of each token, between white space or as the user split the text; None for special tokens."""
        return list(self._require_encodings("word_ids()")[batch_index].word_ids)

    def words(self, batch_index: int = 0) -> list[int | None]:
        """An older name of `word_ids`."""
        return self.word_ids(batch_index)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """0 for tokens of the first text, 1 for the second, None for special tokens."""
        return list(self._require_encodings("sequence_ids()")[batch_index].sequence_ids)

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Which text a token belongs to; `(row, token)`, or `(token)` of the first row."""
        encoding, token = self._find_row("token_to_sequence()", batch_or_token_index, token_index)
        return encoding.token_to_sequence(token)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The word of a token; `(row, token)`, or `(token)` of the first row."""
        encoding, token = self._find_row("token_to_word()", batch_or_token_index, token_index)
        return encoding.word_ids[token]

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters of a token; `(row, token)`, or `(token)` of the first row. None for a special token."""
        encoding, token = self._find_row("token_to_chars()", batch_or_token_index, token_index)
        span = encoding.token_to_chars(token)
        return None if span is None else CharSpan(*(span[1] if isinstance(span[1], tuple) else span))

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token of a character; `(row, character)`, or `(character)` of the first row. None for white space."""
        encoding, character = self._find_row("char_to_token()", batch_or_char_index, char_index)
        return encoding.char_to_token(character, sequence_index)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word of a character; `(row, character)`, or `(character)` of the first row."""
        encoding, character = self._find_row("char_to_word()", batch_or_char_index, char_index)
        return encoding.char_to_word(character, sequence_index)

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word; `(row, word)`, or `(word)` of the first row."""
        encoding, word = self._find_row("word_to_tokens()", batch_or_word_index, word_index)
        span = encoding.word_to_tokens(word, sequence_index)
        return None if span is None else TokenSpan(*span)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The characters of a word; `(row, word)`, or `(word)` of the first row."""
        encoding, word = self._find_row("word_to_chars()", batch_or_word_index, word_index)
        span = encoding.word_to_chars(word, sequence_index)
        return None if span is None else CharSpan(*span)

    def _find_row(self, method: str, first: int, second: int | None) -> tuple[Encoding, int]:
        row, index = (0, first) if second is None else (first, second)
        encoding = self._require_encodings(method)[row]
        return encoding, index + len(encoding.ids) if index < 0 and "token" in method.split("_")[0] else index

    def _require_encodings(self, method: str) -> list[Encoding]:
        if self.encodings is None:
            raise UserError(f"{method} needs the fast tokenizer: AlbertTokenizerFast instead of AlbertTokenizer")
        return self.encodings

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> "BatchEncoding":
        """Turns every value into an int64 tensor ("pt") or array ("np").

        Raises: UserError for rows that differ in length.
        """
        if tensor_type is not None:
            for key, value in self.data.items():
                self.data[key] = make_tensor(key, [value] if prepend_batch_axis else value, tensor_type)
        return self

    def to(self, device: "str | int | torch.device", *, non_blocking: bool = False) -> "BatchEncoding":
        """Moves its tensors to a device, in place."""
        for key, value in self.data.items():
            if hasattr(value, "to"):
                self.data[key] = value.to(device=device, non_blocking=non_blocking)
        return self


def make_tensor(key: str, value: Any, kind: str) -> "np.ndarray | torch.Tensor":
    """Nested lists of integers as one int64 tensor. Raises: UserError where rows differ in length."""
    if kind == "pt":
        import torch

        if isinstance(value, torch.Tensor):
            return value
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.array([], object)
    if array.dtype == object:
        fix = "return_overflowing_tokens=False" if key == "overflowing_tokens" else "padding=True and truncation=True"
        raise UserError(f"the rows of {key} differ in length and don't fit in a tensor; call with {fix}")
    array = array.astype(np.int64, copy=False)
    return torch.from_numpy(array) if kind == "pt" else array
