"""The examples that a model is most wrong about."""

import re
from collections.abc import Sequence
from typing import Any

from albert_lab.report.formatting import BLANK
from albert_lab.report.tables.table import Column, Table
from albert_lab.scoring.predictions import Prediction

MOST = 20
LONGEST_TEXT = 320  # characters
LONGEST_ANSWER = 90


def make_worst_table(predictions: Sequence[Prediction]) -> Table | None:
    """Those of the largest loss, the worst first; None where no loss is known."""
    known = [(each.loss, each) for each in predictions if each.loss is not None and each.gold is not None]
    worst = [each for _, each in sorted(known, key=lambda pair: -pair[0])[:MOST]]
    if not worst:
        return None
    columns = (
        Column("example", tuple(shorten_text(each.id, LONGEST_ANSWER) for each in worst), number=False),
        Column("loss", tuple(f"{each.loss:.3f}" for each in worst)),
        Column("right", tuple(_side(each, each.gold) for each in worst), number=False),
        Column("answer", tuple(_side(each, each.prediction) for each in worst), number=False),
        Column("p(right)", tuple(_probability(each, each.gold) for each in worst)),
        Column("p(answer)", tuple(_probability(each, each.prediction) for each in worst)),
        Column("part", tuple(each.group for each in worst), number=False),
        Column("text", tuple(shorten_text(each.text, LONGEST_TEXT) for each in worst), number=False),
    )
    return Table(tuple(column for column in columns if any(cell not in ("", BLANK) for cell in column.cells)))


def _side(example: Prediction, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list) and _is_tagged(example):
        words = example.text.split(" ")
        pairs = zip(words, example.gold, example.prediction, value, strict=True)
        return shorten_text(" ".join(f"{word}/{tag}" for word, gold, answer, tag in pairs if gold != answer),
                            LONGEST_ANSWER)  # fmt: skip
    if isinstance(value, str) and value in example.scores and (choice := _find_choice(example.text, value)):
        return shorten_text(f"{value}: {choice}", LONGEST_ANSWER)
    text = " | ".join(dict.fromkeys(map(str, value))) if isinstance(value, list) else str(value)
    return shorten_text(text, LONGEST_ANSWER) or "(none)"


def _find_choice(text: str, letter: str) -> str:
    """The words of one of several choices, which stand behind the context as `[A] ... [B] ...`; "" where none do."""
    found = re.search(rf" \[{re.escape(letter)}\] (.*?)(?= \[[A-Z]\] |$)", text, re.DOTALL)
    return found[1] if found else ""


def _is_tagged(example: Prediction) -> bool:
    """Whether every word of its text has a tag."""
    sides = (example.gold, example.prediction)
    words = len(example.text.split(" "))
    return all(isinstance(side, list) and len(side) == words for side in sides) and not example.scores


def _probability(example: Prediction, value: Any) -> str:
    share = example.scores.get(value) if isinstance(value, str) else None
    return BLANK if share is None else f"{share:.3f}"


def shorten_text(text: str, longest: int) -> str:
    """One line of printable characters, cut in the middle; of a pair both texts keep a share of the length."""
    parts = [" ".join("".join(c if c.isprintable() else " " for c in part).split()) for part in text.split(" [SEP] ")]
    if sum(map(len, parts)) > longest:
        share = longest // len(parts)
        share += sum(max(0, share - len(part)) for part in parts)  # what a short one leaves
        parts = [part if len(part) <= share else _cut(part, share) for part in parts]
    return " ⟷ ".join(parts)


def _cut(text: str, length: int) -> str:
    """The beginning and the end: of several choices, both the context and the choices."""
    head = length // 2
    return f"{text[:head]}…{text[len(text) - (length - head - 1) :]}"
