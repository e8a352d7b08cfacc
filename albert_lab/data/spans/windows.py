"""A question and its context as windows of piece ids, and back to the context's characters (Google's squad_utils.py).

A window is `[CLS] question [SEP] part of the context [SEP]`. Google's code finds a piece's characters by aligning two
texts; here they are the tokenizer's offsets, so `context[start:end]` is the answer as it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.examples import Answer, SpanExample
from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizerFast

SPECIAL_TOKENS = 3  # [CLS], [SEP], [SEP]


class Context(NamedTuple):
    """A context's pieces."""

    text: str
    ids: np.ndarray  # int64 [N]
    offsets: np.ndarray  # int64 [N,2]: first character and last + 1


class WindowPlan(NamedTuple):
    """How a context of N pieces is cut into W windows."""

    firsts: np.ndarray  # int64 [W]: the piece that each begins with
    counts: np.ndarray  # int64 [W]: its pieces
    best: np.ndarray  # int64 [N]: the window in which each piece has most context, of those that hold it


@dataclass(frozen=True)
class Windows:
    """All windows of all questions, in their order; a question's windows go from its context's start to its end.

    The answer is the first of those that annotators marked. A window that doesn't hold all of it says that there is
    none, and so does one whose answer isn't known.
    """

    ids: list[np.ndarray]  # int64 [S] each
    paragraphs: np.ndarray  # int64 [W]: the position of each one's first piece of context
    examples: np.ndarray  # int64 [W]: the question's number
    numbers: np.ndarray  # int64 [W]: the window's number among those of its question
    starts: np.ndarray  # int64 [W]: the position of the answer's first piece; 0, the [CLS], where there is none
    ends: np.ndarray  # int64 [W]: that of its last piece
    contexts: list[Context]  # of each question
    plans: list[WindowPlan]  # of each question

    def __len__(self) -> int:
        return len(self.ids)


def make_windows(
    examples: Sequence[SpanExample], tokenizer: AlbertTokenizerFast, task: TaskConfig, max_seq_length: int
) -> Windows:
    """Encodes every context once, however many questions it has, and cuts it into windows for each.

    Raises: UserError where `max_seq_length` leaves no room for the context beside the longest question.
    """
    longest = max_seq_length - SPECIAL_TOKENS - 1
    if task.max_query_length > longest:
        raise UserError(
            f"task.max_query_length={task.max_query_length} leaves no room for the context in max_seq_length="
            f"{max_seq_length}; at most {longest}"
        )
    contexts = _encode_contexts([example.context for example in examples], tokenizer)
    encoded = tokenizer([example.question for example in examples], add_special_tokens=False, verbose=False)
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    heads = [np.array([first, *ids[: task.max_query_length], last], np.int64) for ids in encoded["input_ids"]]
    plans = [
        plan_windows(len(context.ids), max_seq_length - len(head) - 1, task.doc_stride)
        for context, head in zip(contexts, heads, strict=True)
    ]
    counts = np.array([len(plan.firsts) for plan in plans], np.int64)
    paragraphs = np.repeat([len(head) for head in heads], counts)
    starts, ends = _find_answers(examples, contexts, plans)
    found = ends > 0
    return Windows(
        [
            np.concatenate([head, context.ids[begin : begin + count], [last]])
            for head, context, plan in zip(heads, contexts, plans, strict=True)
            for begin, count in zip(plan.firsts, plan.counts, strict=True)
        ],
        paragraphs,
        np.repeat(np.arange(len(examples)), counts),
        np.concatenate([np.arange(count) for count in counts]) if len(counts) else counts,
        np.where(found, starts + paragraphs, 0),
        np.where(found, ends - 1 + paragraphs, 0),
        contexts,
        plans,
    )


def _encode_contexts(texts: Sequence[str], tokenizer: AlbertTokenizerFast) -> list[Context]:
    """Equal texts are one object."""
    distinct = list(dict.fromkeys(texts))
    encoded = tokenizer(distinct, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    contexts = {
        text: Context(text, np.array(ids, np.int64), np.array(offsets, np.int64).reshape(-1, 2))
        for text, ids, offsets in zip(distinct, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    }
    return [contexts[text] for text in texts]


@lru_cache(maxsize=4096)  # the questions on a context have few different lengths
def plan_windows(pieces: int, room: int, stride: int) -> WindowPlan:
    """Windows of at most `room` of a context's pieces, each `stride` further on, until one holds the last piece.

    A piece has as much context as the fewer of the pieces before and after it in the window, and a hundredth of the
    window's length on top; of equals the earlier window is best (Google's _check_is_max_context).
    """
    step = min(stride, room)
    firsts = np.arange(max(0, -(-(pieces - room) // step)) + 1) * step
    counts = np.minimum(pieces - firsts, room)
    place = np.arange(pieces) - firsts[:, None]  # [W,N]: of each piece in each window
    after = counts[:, None] - 1 - place
    context = np.where((place >= 0) & (after >= 0), np.minimum(place, after) + 0.01 * counts[:, None], -1)
    return WindowPlan(firsts, counts, context.argmax(0) if pieces else np.zeros(0, np.int64))


def _find_answers(
    examples: Sequence[SpanExample], contexts: Sequence[Context], plans: Sequence[WindowPlan]
) -> tuple[np.ndarray, np.ndarray]:
    """int64 [W] twice: the answer's [first, last + 1) pieces, counted from each window's first; 0 where it isn't."""
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for example, context, plan in zip(examples, contexts, plans, strict=True):
        start, end = find_pieces(context, example.answers[0]) if example.answers else (0, 0)
        held = (start < end) & (plan.firsts <= start) & (end <= plan.firsts + plan.counts)
        starts.append(np.where(held, start - plan.firsts, 0))
        ends.append(np.where(held, end - plan.firsts, 0))
    return np.concatenate(starts), np.concatenate(ends)


def find_pieces(context: Context, answer: Answer) -> tuple[int, int]:
    """[first, last + 1): the fewest pieces that hold all characters of an answer; the same twice where none does.

    They hold more characters where the answer begins or ends within a piece: "gold" in the piece "golden".
    """
    start, end = answer.start, answer.start + len(answer.text)
    touching = (context.offsets[:, 0] < end) & (context.offsets[:, 1] > start)
    found = np.flatnonzero(touching & (context.offsets[:, 0] < context.offsets[:, 1]))
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)


def find_text(context: Context, first: int, last: int) -> str:
    """The characters from one piece of a context to another, that one included."""
    return context.text[context.offsets[first, 0] : context.offsets[last, 1]]
