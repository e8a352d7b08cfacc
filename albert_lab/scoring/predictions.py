"""The answers of a run, a JSON line per example: `predictions/dev.jsonl` in the run's folder."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError
from albert_lab.storage.files import read_bytes, write_text


@dataclass(frozen=True)
class Prediction:
    """One example answered. Labels are names, not numbers: "entailment"; a score is a number; tags are a list of names.

    Attributes:
        gold: the right answer; of a question the list of right ones, empty where the context holds none. None: unknown.
        prediction: the answer given, in the form of `gold`; of a question one text, "" for no answer.
        scores: what it was chosen by: class name -> probability; {"null": ..., "best": ...} of a question; {} for none.
        loss: nats, where `gold` is known; the worst examples have the largest.
        text: what the example says, for people: its text, pair or question.
        group: a part of the benchmark that is scored apart; "" for none.
        details: further answers: the n-best of a question.
    """

    id: str
    gold: Any
    prediction: Any
    scores: dict[str, float] = field(default_factory=dict)
    loss: float | None = None
    text: str = ""
    group: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)


def write_predictions(file: Path, predictions: Iterable[Prediction]) -> None:
    """Replaces `file`, whole or not at all."""
    write_text(file, format_predictions(predictions))


def format_predictions(predictions: Iterable[Prediction]) -> str:
    """A JSON object a line."""
    lines = (json.dumps(asdict(prediction), ensure_ascii=False, sort_keys=False) for prediction in predictions)
    return "".join(f"{line}\n" for line in lines)


def read_predictions(file: Path) -> list[Prediction]:
    """What `write_predictions` wrote. Raises: UserError for a damaged file."""
    lines = read_bytes(file).decode("utf-8", errors="replace").split("\n")
    try:
        return [Prediction(**json.loads(line)) for line in lines if line]
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{file} is damaged ({error}); run it again with --force") from None
