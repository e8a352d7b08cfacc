"""The terminal while many runs go on: a run's lines carry its label, and what all would say is said once.

`extra={"progress": True}` of a log record shows it for every run, `extra={"once": TOPIC}` for the first that says it.
Of the rest the terminal gets warnings only, and the run's `log.txt` everything.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

LABEL = "ALBERT_LAB_LABEL"  # of the run that a training process belongs to: "3/16 ffn E96 s0"
SAID = "ALBERT_LAB_SAID"  # the folder where the runs of a sweep note what one of them has said
CLEAR_LINE = "\r\x1b[K"

_label: ContextVar[str] = ContextVar("label", default="")


@contextmanager
def label_lines(label: str) -> Iterator[None]:
    """Labels the lines that this thread logs, and those of the training processes that it starts."""
    token = _label.set(label)
    try:
        yield
    finally:
        _label.reset(token)


def current_label() -> str:
    return _label.get() or os.environ.get(LABEL, "")


def terminal_handler(stream: TextIO | None = None) -> logging.Handler:
    """A handler for the terminal; in a sweep it labels lines and leaves out what need not be said of every run."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_LabelFormatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    handler.addFilter(_is_news)
    return handler


class _LabelFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text, label = super().format(record), current_label()
        if not label:
            return text
        time, _, message = text.partition(" ")
        clear = CLEAR_LINE if sys.stderr.isatty() else ""  # of the line that counts finished runs
        return "\n".join(f"{clear}{time} [{label}] {line}" for line in message.splitlines())


def _is_news(record: logging.LogRecord) -> bool:
    topic = getattr(record, "once", None)
    if topic is not None:
        return _is_first(topic)
    return not os.environ.get(LABEL) or record.levelno >= logging.WARNING or getattr(record, "progress", False)


def _is_first(topic: str) -> bool:
    """Whether no run of this sweep has said it; outside a sweep, always."""
    folder = os.environ.get(SAID)
    if not folder:
        return True
    try:
        Path(folder, hashlib.sha256(topic.encode()).hexdigest()[:16]).touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:  # the sweep has ended
        return True
    return True
