"""Finds added tokens ("[MASK]", and what a user adds) in a text, as the slow tokenizer of transformers 4.57.6 does."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tokenizers import AddedToken

from albert_lab.tokenizer.preprocess import Span


@dataclass(slots=True)
class Segment:
    """A stretch of a text: an added token, or text for SentencePiece (`token` is None)."""

    text: str
    start: int  # where it begins in the lowered text
    token: AddedToken | None = None


class Splitter:
    """Cuts texts at added tokens.

    specials: the special tokens, in the order in which they are searched; they keep their capitals.
    """

    def __init__(self, added: Mapping[str, AddedToken], specials: Iterable[str], lower: bool):
        self._added = dict(added)
        self._lower = lower
        normalized = [token.content for token in added.values() if not token.special and token.normalized]
        self._kept = _alternation([*specials, *normalized])
        self._tokens = _alternation(sorted(added, key=len, reverse=True))  # at one place the longest wins
        self._firsts = frozenset(token[0] for token in (*added, *specials) if token)

    def lowered(self, text: str) -> str:
        """Lower case outside special tokens, where the tokenizer lowers at all."""
        if not self._lower:
            return text
        low = _lower(text)
        if low == text or self._kept is None or not self._may_hold(text, low):
            return low
        parts = self._kept.split(text)  # odd places: what matched
        return "".join(part if place % 2 else _lower(part) for place, part in enumerate(parts))

    def split(self, text: str) -> list[Segment]:
        """The segments of a text, none of them empty, lowered; white space that a token strips is left out."""
        text = self.lowered(text)
        if self._tokens is None or not self._may_hold(text):
            return [Segment(text, 0)] if text else []
        segments: list[Segment] = []
        place = 0
        for found in self._tokens.finditer(text):
            if found.start() > place:
                segments.append(Segment(text[place : found.start()], place))
            segments.append(Segment(found.group(), found.start(), self._added[found.group()]))
            place = found.end()
        if place < len(text):
            segments.append(Segment(text[place:], place))
        _strip(segments)
        return [segment for segment in segments if segment.text]

    def origins(self, text: str) -> list[Span] | None:
        """The span of `text` that each character of the lowered text came from; None where they are the same."""
        if not self._lower or "İ" not in text:  # the only letter whose lower case is two characters
            return None
        parts = self._kept.split(text) if self._kept else [text]
        spans: list[Span] = []
        start = 0
        for place, part in enumerate(parts):
            for i, character in enumerate(part, start):
                spans += [(i, i + 1)] * (1 if place % 2 else len(character.lower()))
            start += len(part)
        return spans

    def _may_hold(self, *texts: str) -> bool:
        return any(first in text for first in self._firsts for text in texts)


def _alternation(tokens: Iterable[str]) -> re.Pattern[str] | None:
    choices = [re.escape(token) for token in tokens if token]
    return re.compile(f"({'|'.join(choices)})") if choices else None


def _lower(text: str) -> str:
    """Character by character: a Σ at a word's end becomes σ, where `str.lower` of the whole text would make ς."""
    return "".join(map(str.lower, text)) if "Σ" in text else text.lower()


def _strip(segments: list[Segment]) -> None:
    """What a token does to its neighbours: takes their white space, or joins them if it must be a word by itself."""
    for i, segment in enumerate(segments):
        token = segment.token
        if token is None:
            continue
        left = segments[i - 1] if i > 0 else None
        right = segments[i + 1] if i + 1 < len(segments) else None
        had = right.text if right else ""
        before = left.text if left else ""
        if token.rstrip and right and right.token is None:
            right.text = had.lstrip()
            right.start += len(had) - len(right.text)
        if token.lstrip and left and left.token is None:
            left.text = before.rstrip()
        if token.single_word:
            _join_word(
                segment, left if before and before[-1] != " " else None, right if had[:1] not in ("", " ") else None
            )


def _join_word(segment: Segment, left: Segment | None, right: Segment | None) -> None:
    """A token that must be a word by itself, but touches a neighbour, is text like it."""
    if left is not None:
        left.text, left.token = left.text + segment.text, None
    elif right is not None:
        right.text, right.start, right.token = segment.text + right.text, segment.start, None
    if left or right:
        segment.text = ""
