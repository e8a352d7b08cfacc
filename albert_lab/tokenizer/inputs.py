"""The forms in which texts reach a tokenizer, converted to one: a list of pairs."""

from collections.abc import Sequence

from albert_lab.errors import UserError

Text = str | Sequence[str]  # as written, or split into words
Input = Text | Sequence[Text]  # one, or a batch
TextPair = tuple[Text, Text | None]


class InputTypeError(UserError, TypeError):
    """An input that isn't text."""


def split_into_pairs(text: Input, text_pair: Input | None, is_split: bool) -> tuple[list[TextPair], bool]:
    """(pairs, whether the input is one text or pair rather than a batch).

    is_split: texts are lists of words.

    Raises: UserError for anything else, and for batches of different lengths.
    """
    for name, value in (("text", text), ("text_pair", text_pair)):
        if value is not None and not _is_text(value):
            item = f" of {type(value[0]).__name__}" if isinstance(value, list | tuple) and value else ""
            raise InputTypeError(
                f"{name} is a {type(value).__name__}{item}; give a string, a list of strings, or lists of words"
            )
    if not _is_batch(text, is_split):
        return [(_check_text(text, is_split), None if text_pair is None else _check_text(text_pair, is_split))], True
    if text_pair is None:
        return [_split_item(item, is_split) for item in text], False
    if isinstance(text_pair, str) or len(text_pair) != len(text):
        count = "one" if isinstance(text_pair, str) else str(len(text_pair))
        raise UserError(f"text has {len(text)} items and text_pair {count}; give as many of each")
    pairs = zip(text, text_pair, strict=True)
    return [(_check_text(first, is_split), _check_text(second, is_split)) for first, second in pairs], False


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return True
    if not isinstance(value, list | tuple):
        return False
    if not value or isinstance(value[0], str):
        return True
    words = value[0]
    return isinstance(words, list | tuple) and (not words or isinstance(words[0], str | list | tuple))


def _is_batch(text: Input, is_split: bool) -> bool:
    if isinstance(text, str):
        return False
    return not is_split or bool(text and isinstance(text[0], list | tuple))


def _split_item(item: Text, is_split: bool) -> TextPair:
    """An item of a batch: a text, or a tuple of two."""
    if isinstance(item, list | tuple) and len(item) == 2 and (not is_split or isinstance(item[0], list | tuple)):
        return _check_text(item[0], is_split), _check_text(item[1], is_split)
    return _check_text(item, is_split), None


def _check_text(text: Input, is_split: bool) -> Text:
    if isinstance(text, str):
        return [text] if is_split else text
    if not is_split:
        raise UserError(f"{str(text)[:40]!r} is not a string; for words, call with is_split_into_words=True")
    words = list(text) if isinstance(text, list | tuple) else []
    if not isinstance(text, list | tuple) or not all(isinstance(word, str) for word in words):
        raise UserError(f"{str(text)[:40]!r} is not a list of words")
    return words


def check_strings(method: str, texts: Sequence[object]) -> None:
    """Raises: UserError for anything but a string, naming the method that was given it."""
    for text in texts:
        if not isinstance(text, str):
            raise InputTypeError(f"{method} expects a string where it got {text!r:.40}")
