"""Splits texts at added tokens ("[MASK]", and what a user adds), as the slow tokenizer of transformers 4.57.6 does."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tokenizers import AddedToken

from albert_lab.tokenizer.preprocessing import Span


@dataclass(slots=True)
class Segment:
    """A part of a text: an added token, or text for SentencePiece (`token` is None)."""

    text: str
    start: int  # where it begins in the lowercased text
    token: AddedToken | None = None


class Splitter:
    """Splits texts at added tokens.

    specials: the special tokens, in the order in which they are searched; they keep their capitals.
    lower: whether everything else is lowercased.
    """

    def __init__(self, added: Mapping[str, AddedToken], specials: Iterable[str], lower: bool):
        self._added = dict(added)
        self._lowers = lower
        normalized = [token.content for token in added.values() if not token.special and token.normalized]
        self._kept = _compile_alternatives([*specials, *normalized])
        self._tokens = _compile_alternatives(
            sorted(added, key=len, reverse=True)
        )  # of several at one position the longest wins
        self._firsts = frozenset(token[0] for token in (*added, *specials) if token)

    def lower(self, text: str) -> str:
        """The text with lower case outside special tokens, where the tokenizer lowercases at all."""
        if not self._lowers:
            return text
        low = _lower(text)
        if low == text or self._kept is None or not self._may_contain(text, low):
            return low
        parts = self._kept.split(text)  # every second part is a match
        return "".join(part if i % 2 else _lower(part) for i, part in enumerate(parts))

    def split(self, text: str, split_special_tokens: bool = False) -> list[Segment]:
        """The segments of a text, none of them empty, lowercased; white space that a token strips is left out.

        split_special_tokens: added tokens count as ordinary text.
        """
        text = self.lower(text)
        if split_special_tokens or self._tokens is None or not self._may_contain(text):
            return [Segment(text, 0)] if text else []
        segments: list[Segment] = []
        start = 0
        for match in self._tokens.finditer(text):
            if match.start() > start:
                segments.append(Segment(text[start : match.start()], start))
            segments.append(Segment(match.group(), match.start(), self._added[match.group()]))
            start = match.end()
        if start < len(text):
            segments.append(Segment(text[start:], start))
        _apply_token_rules(segments)
        return [segment for segment in segments if segment.text]

    def find_origins(self, text: str) -> list[Span] | None:
        """The span of `text` that each character of the lowercased text came from; None where they are the same."""
        if not self._lowers or "İ" not in text:  # the only letter whose lower case is two characters
            return None
        parts = self._kept.split(text) if self._kept else [text]
        spans: list[Span] = []
        start = 0
        for number, part in enumerate(parts):
            for i, character in enumerate(part, start):
                spans += [(i, i + 1)] * (1 if number % 2 else len(character.lower()))
            start += len(part)
        return spans

    def _may_contain(self, *texts: str) -> bool:
        return any(first in text for first in self._firsts for text in texts)


def _compile_alternatives(tokens: Iterable[str]) -> re.Pattern[str] | None:
    choices = [re.escape(token) for token in tokens if token]
    return re.compile(f"({'|'.join(choices)})") if choices else None


def _lower(text: str) -> str:
    """Character by character: a Σ at a word's end becomes σ, where `str.lower` of the whole text would make ς."""
    return "".join(map(str.lower, text)) if "Σ" in text else text.lower()


def _apply_token_rules(segments: list[Segment]) -> None:
    """Applies `lstrip`, `rstrip` and `single_word` of each token to the segments next to it."""
    for i, segment in enumerate(segments):
        token = segment.token
        if token is None:
            continue
        left = segments[i - 1] if i > 0 else None
        right = segments[i + 1] if i + 1 < len(segments) else None
        after = right.text if right else ""
        before = left.text if left else ""
        if token.rstrip and right and right.token is None:
            right.text = after.lstrip()
            right.start += len(after) - len(right.text)
        if token.lstrip and left and left.token is None:
            left.text = before.rstrip()
        if token.single_word:
            touches_left, touches_right = before[-1:] not in ("", " "), after[:1] not in ("", " ")
            _join_neighbour(segment, left if touches_left else None, right if touches_right else None)


def _join_neighbour(segment: Segment, left: Segment | None, right: Segment | None) -> None:
    """A token that must be a word of its own but touches a neighbour becomes text, a part of the neighbour."""
    if left is not None:
        left.text, left.token = left.text + segment.text, None
    elif right is not None:
        right.text, right.start, right.token = segment.text + right.text, segment.start, None
    if left or right:
        segment.text = ""
