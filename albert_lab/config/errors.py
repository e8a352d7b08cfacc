"""The one error a user's mistake raises, and the search for the choice they meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A user's mistake: one line that names the key, the value and the nearest valid choice (exit code 2)."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """` (did you mean 'X'?)` for the closest choice, or the list of all where none is close."""
    known = sorted(set(choices))
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}"
