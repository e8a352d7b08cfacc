"""Metrics of tagged sentences: entities by IOB tags (seqeval), and tags one by one.

An entity counts as found if its type, its first and its last word are right, whatever the other tags are. What an
entity is, follows the script of CoNLL-2000 to 2003 (conlleval, Tjong Kim Sang), which is lenient: `I-PER` after `O` or
after another type starts an entity too, so files in the older IOB1 are scored as they are. seqeval's "strict" mode
would find no entity there.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from albert_lab.errors import UserError
from albert_lab.scoring.predictions import Prediction
from albert_lab.scoring.weighted import Names, Predictions, Weighted, divide, weigh


def find_entities(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """The (type, first word, last word) of every entity in one sentence's tags: `O`, `B-TYPE`, `I-TYPE`.

    Raises: UserError for another tag.
    """
    from seqeval.metrics.sequence_labeling import get_entities

    for tag in tags:
        if tag != "O" and (tag[:2] not in ("B-", "I-") or len(tag) == 2):
            raise UserError(
                f"{tag!r} is not an IOB tag (O, B-TYPE, I-TYPE), so entities aren't known; try token_accuracy"
            )
    return set(get_entities(list(tags)))


def _entity_counts(predictions: Predictions, label_names: Names = ()) -> np.ndarray:
    """Entities found, predicted, and gold: [sentences, 3]."""
    counts = np.zeros((len(predictions), 3))
    for number, prediction in enumerate(predictions):
        _check_lengths(prediction)
        gold, predicted = find_entities(prediction.gold), find_entities(prediction.prediction)
        counts[number] = len(gold & predicted), len(predicted), len(gold)
    return counts


def _token_counts(predictions: Predictions, label_names: Names = ()) -> np.ndarray:
    """Right tags and all tags: [sentences, 2]."""
    counts = np.zeros((len(predictions), 2))
    for number, prediction in enumerate(predictions):
        _check_lengths(prediction)
        pairs = zip(prediction.gold, prediction.prediction, strict=True)
        counts[number] = sum(gold == predicted for gold, predicted in pairs), len(prediction.gold)
    return counts


def _check_lengths(prediction: Prediction) -> None:
    if len(prediction.gold) != len(prediction.prediction):
        raise UserError(
            f"example {prediction.id} has {len(prediction.gold)} words, but {len(prediction.prediction)} predicted tags"
        )


F1 = weigh(_entity_counts, lambda means: divide(2 * means[..., 0], means[..., 1] + means[..., 2]))
PRECISION = weigh(_entity_counts, lambda means: divide(means[..., 0], means[..., 1]))
RECALL = weigh(_entity_counts, lambda means: divide(means[..., 0], means[..., 2]))
TOKENS = weigh(_token_counts, lambda means: divide(means[..., 0], means[..., 1]))


def _of_totals(weighted: Weighted) -> Callable[[Predictions, Names], float]:
    """The value over all sentences, as conlleval counts."""
    return lambda predictions, names: float(weighted(predictions, names)(np.ones(len(predictions))))


f1, precision, recall, token_accuracy = map(_of_totals, (F1, PRECISION, RECALL, TOKENS))


def no_entities(golds: Sequence[Any], label_names: Names) -> float | None:
    """Always answering `O` finds nothing."""
    return 0.0


def majority_share(golds: Sequence[Any], label_names: Names) -> float | None:
    """The share of the most frequent tag."""
    counts = Counter(tag for gold in golds for tag in gold or ())
    return max(counts.values()) / counts.total() if counts else None
