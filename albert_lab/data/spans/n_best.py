"""The best answers to a question out of what a model says of each of its windows (Google's squad_utils.py)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from albert_lab.config.training import TaskConfig
from albert_lab.data.spans.windows import Windows, find_text


class Candidates(NamedTuple):
    """What a model offers of one window: T positions where an answer may start, and U for each where it may end."""

    starts: np.ndarray  # int64 [T]
    start_scores: np.ndarray  # [T]
    ends: np.ndarray  # int64 [T,U]
    end_scores: np.ndarray  # [T,U]


class FoundAnswer(NamedTuple):
    """A part of the context."""

    text: str
    start: int  # its first character
    score: float  # of the start plus of the end
    probability: float  # by a softmax over the answers that are kept


def pair_ends(start_logits: np.ndarray, end_logits: np.ndarray, n_best: int) -> Candidates:
    """The `n_best` highest logits [S] of starts, each with the `n_best` highest of ends; of equals the first."""
    starts, ends = (np.argsort(-logits, kind="stable")[:n_best] for logits in (start_logits, end_logits))
    shape = len(starts), len(ends)
    return Candidates(
        starts, start_logits[starts], np.broadcast_to(ends, shape), np.broadcast_to(end_logits[ends], shape)
    )


def find_answers(windows: Windows, candidates: Sequence[Candidates], task: TaskConfig) -> Iterator[list[FoundAnswer]]:
    """Up to `task.n_best` different texts for each question, best first; none where no candidate may be an answer.

    `candidates`: of each window. An answer lies within the context, starts in the window where that piece has most
    context, and has at most `task.max_answer_length` pieces.
    """
    window = 0
    for context, plan in zip(windows.contexts, windows.plans, strict=True):
        spans = [np.zeros((3, 0))]
        for number in range(len(plan.firsts)):
            local = candidates[window]
            starts = np.broadcast_to((local.starts - windows.paragraphs[window])[:, None], local.ends.shape)
            ends = local.ends - windows.paragraphs[window]
            lengths = ends - starts + 1
            may = (starts >= 0) & (ends < plan.counts[number]) & (lengths > 0) & (lengths <= task.max_answer_length)
            firsts, lasts = starts[may] + plan.firsts[number], ends[may] + plan.firsts[number]
            scores = (local.start_scores[:, None] + local.end_scores)[may]
            spans.append(np.stack([firsts, lasts, scores])[:, plan.best[firsts] == number])
            window += 1
        firsts, lasts, scores = np.concatenate(spans, axis=1)
        found: dict[str, tuple[int, float]] = {}
        for place in np.argsort(-scores, kind="stable"):
            first, last = int(firsts[place]), int(lasts[place])
            text = find_text(context, first, last)
            start = int(context.offsets[first, 0]) + len(text) - len(text.lstrip())  # a lone ▁ is a space
            found.setdefault(text.strip(), (start, float(scores[place])))
            if len(found) == task.n_best:
                break
        yield _add_probabilities(found)


def _add_probabilities(found: dict[str, tuple[int, float]]) -> list[FoundAnswer]:
    scores = np.array([score for _, score in found.values()])
    shares = np.exp(scores - scores.max(initial=-np.inf))
    return [
        FoundAnswer(text, start, score, float(share))
        for (text, (start, score)), share in zip(found.items(), shares / shares.sum(), strict=True)
    ]
