"""SQuAD's scores of an answer's text, and the threshold below which a question is answered (evaluate-v2.0.py).

Rajpurkar et al. 2016 (arXiv:1606.05250), section 6.1, and 2018 (arXiv:1806.03822). The rules are those of version
2.0, which differ from version 1.1 in one case: a right answer without a word besides articles and punctuation is left
out, and where all are, the right answer is none. The development set of 1.1 has three questions with such an answer
(".") among others; the scores differ only where the model answers with no word either.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from albert_lab.errors import UserError
from albert_lab.scoring.predictions import Prediction

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower case, without ASCII punctuation and articles, single spaces."""
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the normalized answer is one of the normalized right ones, else 0; none is right where `golds` is empty."""
    return float(normalize_answer(answer) in _normalize_golds(golds))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of the answer's words; the best over the right answers."""
    words = normalize_answer(answer).split()
    return max(_overlap(words, gold.split()) for gold in _normalize_golds(golds))


def _normalize_golds(golds: Sequence[str]) -> list[str]:
    return [gold for gold in map(normalize_answer, golds) if gold] or [""]


def _overlap(words: list[str], gold: list[str]) -> float:
    if not words or not gold:
        return float(words == gold)
    common = (Counter(words) & Counter(gold)).total()
    return 2 * common / (len(words) + len(gold))


def exact_matches(predictions: Sequence[Prediction]) -> np.ndarray:
    return np.array([exact_match(prediction.prediction, prediction.gold) for prediction in predictions])


def token_f1s(predictions: Sequence[Prediction]) -> np.ndarray:
    return np.array([token_f1(prediction.prediction, prediction.gold) for prediction in predictions])


def unanswerable_share(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """What never answering gets: the share of questions that have no answer, 0 in SQuAD 1.1."""
    known = [gold for gold in golds if gold is not None]
    return sum(not any(map(normalize_answer, gold)) for gold in known) / len(known) if known else None


def score_answerable(predictions: Sequence[Prediction]) -> dict[str, float]:
    """The scores of questions with and without an answer apart, as the official script prints them (`HasAns_exact`...).

    `{"has_answer_exact_match": ..., "has_answer_f1": ..., "no_answer_accuracy": ...}`, without those of no question.
    """
    has_answer = np.array([any(map(normalize_answer, prediction.gold)) for prediction in predictions], bool)
    exact, f1 = exact_matches(predictions), token_f1s(predictions)
    scores: dict[str, float] = {}
    if has_answer.any():
        scores |= {
            "has_answer_exact_match": float(exact[has_answer].mean()),
            "has_answer_f1": float(f1[has_answer].mean()),
        }
    if not has_answer.all():
        scores["no_answer_accuracy"] = float(exact[~has_answer].mean())
    return scores


class Threshold(NamedTuple):
    """A question is answered if its null score is at most `value`."""

    value: float
    score: float  # 0 to 1: what that gets on the questions it was tuned on

    def answers(self, texts: Sequence[str], null_scores: Sequence[float]) -> list[str]:
        """The answers given: a question's text, or "" where its null score says that there is none."""
        return [text if score <= self.value else "" for text, score in zip(texts, null_scores, strict=True)]


def find_threshold(
    texts: Sequence[str], golds: Sequence[Sequence[str]], null_scores: Sequence[float], metric: str = "answer_f1"
) -> Threshold:
    """The threshold with the best mean of "answer_f1" or "exact_match" on these very questions; of several the lowest.

    Follows `find_best_thresh` of evaluate-v2.0.py, which moves the threshold through the sorted null scores. Unlike
    there, questions with the same null score are answered together, as any threshold does: the official figure can't
    always be reached where null scores are equal. With a value just below the lowest null score, nothing is answered.

    Args:
        texts: the best answer to each question, "" for none, whatever its null score.
        golds: its right answers; empty where it has none.
        null_scores: the larger, the less likely the question has an answer: a probability or a logit.

    Raises:
        UserError: there are no questions.
    """
    if not texts:
        raise UserError("there are no questions to tune the null threshold on")
    measure = {"answer_f1": token_f1, "exact_match": exact_match}[metric]
    pairs = list(zip(texts, golds, strict=True))
    gain = np.array([measure(text, gold) - measure("", gold) for text, gold in pairs])
    nulls = np.asarray(null_scores, float)
    order = np.argsort(nulls, kind="stable")
    ranked = nulls[order]
    gained = np.concatenate([[0.0], np.cumsum(gain[order])])  # by answering the first 0, 1, 2, ... questions
    is_cut = np.append(True, np.append(ranked[1:] != ranked[:-1], True))  # not between equal null scores
    best = int(np.argmax(np.where(is_cut, gained, -np.inf)))
    unanswered = sum(measure("", gold) for _, gold in pairs)
    value = float(ranked[best - 1]) if best else float(np.nextafter(ranked[0], -np.inf))
    return Threshold(value, float(unanswered + gained[best]) / len(pairs))
