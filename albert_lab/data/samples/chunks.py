"""The chunks of a split: runs of consecutive sentences long enough to fill a sample."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np


class Chunks(NamedTuple):
    """[N] chunks of a split; sentences are numbers in the store."""

    first: np.ndarray  # int64 [N] first sentence
    end: np.ndarray  # int64 [N] sentence after the last
    document: np.ndarray  # int64 [N] the chunk's document, an index into `document_first`
    document_first: np.ndarray  # int64 [D] first sentence of each document of the split
    document_end: np.ndarray  # int64 [D]


def cut_chunks(
    sentences: np.ndarray, documents: np.ndarray, chosen: np.ndarray, target_tokens: int, min_sentences: int
) -> Chunks:
    """Cuts each chosen document from its beginning into runs of at least `target_tokens` (its last may be shorter).

    `sentences` [S+1] and `documents` [T+1] are the store's offsets, `chosen` [D] the split's documents. Runs of fewer
    than `min_sentences` are left out. One bisection per run: about 1 microsecond each.
    """
    offsets = np.ascontiguousarray(sentences, np.int64).data  # indexing a memoryview gives Python integers at once
    firsts, ends = documents[chosen], documents[chosen + 1]
    runs: list[tuple[int, int, int]] = []
    for document, (first, document_end) in enumerate(zip(firsts.tolist(), ends.tolist(), strict=True)):
        while first < document_end:
            end = min(document_end, bisect_left(offsets, offsets[first] + target_tokens, first + 1, document_end))
            if end - first >= min_sentences:
                runs.append((first, end, document))
            first = end
    first_of, end_of, document_of = np.array(runs, np.int64).reshape(-1, 3).T.copy()
    return Chunks(first_of, end_of, document_of, firsts, ends)
