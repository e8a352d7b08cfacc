"""What answers a benchmark: a file per kind of example, with its model, its loss and its way from logits to answers."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from albert_lab.config.training import TaskConfig
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train.heads.head import Head


def make_head(
    name: str, tokenizer: AlbertTokenizerFast, task: TaskConfig, label_names: Sequence[str], max_seq_length: int
) -> Head[Any]:
    """The head of this folder's file `name`."""
    head: Head[Any] = import_module(f"{__name__}.{name}").HEAD(tokenizer, task, tuple(label_names), max_seq_length)
    return head
