"""How long a task's examples are in tokens, for `albert-lab cost`: measured with the head that would train on them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from albert_lab.config.schema import FinetuneConfig
from albert_lab.cost.task_data import ONE_WINDOW, TaskData, TaskExamples
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import find_length
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train.heads import make_head
from albert_lab.train.heads.head import Head

SAMPLE = 2000  # examples of a split, evenly spaced: their mean length is within a few percent of all examples'


def measure_lengths(config: FinetuneConfig, model: AlbertConfig, data: TaskData, examples: TaskExamples) -> TaskData:
    """`data` with the lengths of its sequences, and with the windows of its examples for features.

    Raises:
        UserError: the checkpoint has no tokenizer.
    """
    assert config.checkpoint is not None
    tokenizer, length = AlbertTokenizerFast.from_pretrained(config.checkpoint), find_length(config.task, model)
    benchmark = examples.benchmark
    head = make_head(benchmark.head, tokenizer, config.task, benchmark.label_names, length)
    held_out = [row for split in examples.held_out for row in split.rows]
    lengths, features, measured = _encode(head, examples.train.rows)
    held_out_lengths, held_out_features, _ = _encode(head, held_out)
    return replace(
        data,
        source=data.source.removesuffix(ONE_WINDOW),
        train=features,
        held_out=held_out_features,
        lengths=lengths,
        held_out_lengths=held_out_lengths,
        measured=measured,
    )


def _encode(head: Head[Any], rows: Sequence[Any]) -> tuple[Counter[int], int, int]:
    """Sequences by length in a sample of `rows`, the features of all of them, and the size of the sample."""
    count = min(SAMPLE, len(rows))
    sample = [rows[number * len(rows) // count] for number in range(count)]
    if not sample:
        return Counter(), 0, 0
    features = head.encode(sample)
    return Counter(map(len, features.ids)), round(len(features) * len(rows) / count), count
