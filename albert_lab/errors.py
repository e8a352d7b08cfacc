"""The errors that a command ends with in one line, and the search for the choice that a user meant."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

LISTABLE = 12  # choices that a message may list
_LONGEST = 1000  # characters of a message: a value in it may be a megabyte of someone's file
_LONGEST_WORD = 250  # of a longer message: a path or a value
_END = 300  # of them for the message's end, which says what to do


class UserError(ValueError):
    """A user's mistake: one line that names the key, the value and the nearest valid choice (exit code 2).

    Very long words and lines are cut in their middle; what a terminal can't show as it is, is escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_shorten(message if message.isprintable() else _escape(message)))


class RunFailedError(Exception):
    """A training process that ended without a record; the run's log says more (exit code 1)."""


class RunStoppedError(KeyboardInterrupt):
    """A command or a training that was told to stop; the same command goes on with it.

    A KeyboardInterrupt, which no library takes for a failed job: it ends a multirun or a search.
    """

    def __init__(self, message: str, exit_code: int = 143) -> None:  # 128 + SIGTERM
        super().__init__(message, exit_code)
        self.message, self.exit_code = message, exit_code

    def __str__(self) -> str:
        return self.message


def exit_code_of(interrupt: KeyboardInterrupt) -> int:
    """143 after SIGTERM, 130 after SIGINT (Ctrl-C)."""
    return interrupt.exit_code if isinstance(interrupt, RunStoppedError) else 130


def _escape(message: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message.strip())


def _shorten(message: str) -> str:
    if len(message) <= _LONGEST:
        return message
    message = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda word: f"{word[0][:150]}...{word[0][-50:]}", message)
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - _END - 5]} ... {message[-_END:]}"


def first_line(error: BaseException | str) -> str:
    """The first line of an error or of a message; the error's type where it has no message."""
    return str(error).strip().split("\n", 1)[0] or type(error).__name__


def list_some(names: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 5 more`; "nothing" where there are none."""
    names = sorted(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'X'?` for the closest choice, else the list of all if it is short enough to read."""
    known = sorted(set(choices))
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}" if len(known) <= LISTABLE else ""
