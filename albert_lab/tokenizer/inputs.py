"""The forms in which texts reach a tokenizer, brought to one: a list of pairs."""

from collections.abc import Sequence

from albert_lab.errors import UserError

Text = str | Sequence[str]  # as written, or split into words
Input = Text | Sequence[Text]  # one, or a batch

Batch = list[tuple[Text, Text | None]]


def as_batch(text: Input, text_pair: Input | None, split: bool) -> tuple[Batch, bool]:
    """(pairs, whether it was one text rather than a batch).

    split: texts are lists of words.

    Raises: UserError for anything else, and for batches of different lengths.
    """
    for name, value in (("text", text), ("text_pair", text_pair)):
        if value is not None and not _is_text(value):
            raise UserError(
                f"{name} is a {type(value).__name__}{_of(value)}; give a string, a list of strings, or lists of words"
            )
    if not _is_batch(text, split):
        return [(_one(text, split), None if text_pair is None else _one(text_pair, split))], True
    if text_pair is None:
        return [_paired(item, split) for item in text], False
    if isinstance(text_pair, str) or len(text_pair) != len(text):
        count = "one" if isinstance(text_pair, str) else str(len(text_pair))
        raise UserError(f"text has {len(text)} items and text_pair {count}; give as many of each")
    return [(_one(a, split), _one(b, split)) for a, b in zip(text, text_pair, strict=True)], False


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return True
    if not isinstance(value, list | tuple):
        return False
    return (
        not value or isinstance(value[0], str) or (isinstance(value[0], list | tuple) and _starts_with_text(value[0]))
    )


def _starts_with_text(words: Sequence[object]) -> bool:
    return not words or isinstance(words[0], str | list | tuple)


def _of(value: object) -> str:
    return f" of {type(value[0]).__name__}" if isinstance(value, list | tuple) and value else ""


def _is_batch(text: Input, split: bool) -> bool:
    if isinstance(text, str):
        return False
    return not split or bool(text and isinstance(text[0], list | tuple))


def _paired(item: Text, split: bool) -> tuple[Text, Text | None]:
    """An item of a batch: a text, or a tuple of two."""
    if isinstance(item, list | tuple) and len(item) == 2 and (not split or isinstance(item[0], list | tuple)):
        return _one(item[0], split), _one(item[1], split)
    return _one(item, split), None


def _one(text: Input, split: bool) -> Text:
    if isinstance(text, str):
        return [text] if split else text
    if not split:
        raise UserError(f"{str(text)[:40]!r} is not a string; for words, call with is_split_into_words=True")
    words = list(text) if isinstance(text, list | tuple) else []
    if not isinstance(text, list | tuple) or not all(isinstance(word, str) for word in words):
        raise UserError(f"{str(text)[:40]!r} is not a list of words")
    return words
