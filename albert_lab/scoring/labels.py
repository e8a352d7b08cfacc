"""Metrics of classes, one or several to an example, computed by scikit-learn."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from albert_lab.errors import UserError, nearest
from albert_lab.scoring.predictions import Prediction
from albert_lab.scoring.weighted import divide, weigh


def hits(predictions: Sequence[Prediction]) -> np.ndarray:
    """1 where the class is the right one, else 0."""
    return np.array([prediction.prediction == prediction.gold for prediction in predictions], float)


def subset_hits(predictions: Sequence[Prediction]) -> np.ndarray:
    """1 where the labels are exactly the right ones, in whatever order; else 0."""
    return np.array([set(prediction.prediction) == set(prediction.gold) for prediction in predictions], float)


def matthews(predictions: Sequence[Prediction], label_names: Sequence[str]) -> float:
    """The correlation of Matthews (1975) of predicted and right class, for any number of classes (Gorodkin 2004).

    0 where all examples are, or are said to be, of one class.
    """
    gold, predicted = _both(predictions, label_names)
    if min(np.count_nonzero(gold.any(0)), np.count_nonzero(predicted.any(0))) < 2:
        return 0.0
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(gold.argmax(1), predicted.argmax(1)))


def positive_f1(predictions: Sequence[Prediction], label_names: Sequence[str]) -> float:
    """F1 of the second of two classes, as GLUE scores MRPC and QQP; 0 where it is neither gold nor predicted."""
    from sklearn.metrics import f1_score

    gold, predicted = _both(predictions, _two(label_names))
    return float(f1_score(gold[:, 1], predicted[:, 1], zero_division=0))


def macro_f1(predictions: Sequence[Prediction], label_names: Sequence[str]) -> float:
    """The mean F1 of the classes that are gold or predicted at least once; 0 where none is."""
    from sklearn.metrics import f1_score

    gold, predicted = _both(predictions, label_names)
    occurs = (gold | predicted).any(0)
    if not occurs.any():
        return 0.0
    return float(np.mean(f1_score(_widen(gold), _widen(predicted), average=None, zero_division=0)[:-1][occurs]))


def micro_f1(predictions: Sequence[Prediction], label_names: Sequence[str]) -> float:
    """F1 of all classes' decisions together; with one class to an example it equals the accuracy."""
    from sklearn.metrics import f1_score

    gold, predicted = _both(predictions, label_names)
    return float(f1_score(_widen(gold), _widen(predicted), average="micro", zero_division=0))


def majority_share(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """The accuracy of always answering the most frequent class."""
    return _largest_share(gold for gold in golds if gold is not None)


def majority_set_share(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """The accuracy of always answering the most frequent set of labels."""
    return _largest_share(frozenset(gold) for gold in golds if gold is not None)


def _largest_share(golds: Iterable[Hashable]) -> float | None:
    counts = Counter(golds)
    return max(counts.values()) / counts.total() if counts else None


def positive_f1_by_chance(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """F1 of always answering the positive class: of a share p it is 2p / (1 + p)."""
    known = [gold for gold in golds if gold is not None]
    share = known.count(_two(label_names)[1]) / len(known) if known else None
    return None if share is None else 2 * share / (1 + share)


def macro_f1_by_chance(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """Macro F1 of always answering the most frequent class; None for several labels to an example."""
    known = [gold for gold in golds if gold is not None]
    if any(isinstance(gold, list) for gold in known) or (share := _largest_share(known)) is None:
        return None
    return 2 * share / (1 + share) / len(set(known))


def micro_f1_by_chance(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """The share of the most frequent class; None for several labels to an example."""
    return None if any(isinstance(gold, list) for gold in golds) else majority_share(golds, label_names)


def _both(predictions: Sequence[Prediction], label_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Right and predicted classes, bool [examples, classes] each."""
    gold = [_as_list(prediction.gold) for prediction in predictions]
    predicted = [_as_list(prediction.prediction) for prediction in predictions]
    names = label_names or sorted({name for row in (*gold, *predicted) for name in row})
    columns = {name: column for column, name in enumerate(names)}

    def indicate(rows: list[list[Any]]) -> np.ndarray:
        table = np.zeros((len(rows), len(names)), bool)
        for number, row in enumerate(rows):
            for name in row:
                if name not in columns:
                    raise UserError(f"{name!r} is not one of the labels{nearest(str(name), names)}")
                table[number, columns[name]] = True
        return table

    return indicate(gold), indicate(predicted)


def _as_list(labels: Any) -> list[Any]:
    return list(labels) if isinstance(labels, list | tuple | set) else [labels]


def _two(label_names: Sequence[str]) -> Sequence[str]:
    if len(label_names) != 2:
        raise UserError(f"f1 is of two classes, the second one positive, not of {len(label_names)}; try macro_f1")
    return label_names


def _widen(table: np.ndarray) -> np.ndarray:
    """A column without any label more: scikit-learn takes a single column for two classes."""
    return np.pad(table, ((0, 0), (0, 1)))


def _counts(predictions: Sequence[Prediction], label_names: Sequence[str]) -> np.ndarray:
    """Of every class: is it a hit, predicted, gold? [examples, 3 * classes]."""
    gold, predicted = _both(predictions, label_names)
    return np.concatenate([gold & predicted, predicted, gold], axis=1).astype(float)


def _f1_of_classes(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hit, predicted, gold = np.split(means, 3, axis=-1)
    return divide(2 * hit, predicted + gold), predicted + gold > 0


def _combine_macro(means: np.ndarray) -> np.ndarray:
    f1, occurs = _f1_of_classes(means)
    return divide(f1.sum(-1), occurs.sum(-1))


def _combine_micro(means: np.ndarray) -> np.ndarray:
    hit, predicted, gold = (part.sum(-1) for part in np.split(means, 3, axis=-1))
    return divide(2 * hit, predicted + gold)


def _combine_matthews(means: np.ndarray) -> np.ndarray:
    hit, predicted, gold = np.split(means, 3, axis=-1)
    covariance = hit.sum(-1) - (predicted * gold).sum(-1)
    variances = (1 - (predicted**2).sum(-1)) * (1 - (gold**2).sum(-1))
    return divide(covariance, np.sqrt(np.where(variances > 1e-12, variances, 0)))  # 1e-12: rounding of a constant


MATTHEWS = weigh(_counts, _combine_matthews)
MACRO_F1 = weigh(_counts, _combine_macro)
MICRO_F1 = weigh(_counts, _combine_micro)
POSITIVE_F1 = weigh(
    lambda predictions, names: _counts(predictions, _two(names)), lambda m: _f1_of_classes(m)[0][..., 1]
)
