"""What the ALBERT paper printed in Tables 3 and 4, as data, and where its own figures disagree.

Source: Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations", ICLR 2020
(arXiv 1909.11942). Base size (12 layers, H = 768), 125,000 steps at batch 4096; scores are on development sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "Lan et al., ALBERT, ICLR 2020, arXiv 1909.11942"

Axes = Mapping[str, int | str]


@dataclass(frozen=True)
class PaperRow:
    """One printed row; parameters in units, rounded as printed, scores in percent."""

    axes: dict[str, int | str]
    parameters: int
    squad1_f1: float
    squad1_em: float
    squad2_f1: float
    squad2_em: float
    mnli: float  # matched
    sst2: float
    race: float
    average: float  # as printed: the mean of five tasks, each SQuAD as the mean of F1 and EM


def _row(embedding: int, sharing: str, millions: int, *scores: float) -> PaperRow:
    return PaperRow({"model.embedding_size": embedding, "sharing": sharing}, millions * 10**6, *scores)


TABLES: dict[str, tuple[PaperRow, ...]] = {
    "table3": (
        _row(64, "none", 87, 89.9, 82.9, 80.1, 77.8, 82.9, 91.5, 66.7, 81.3),
        _row(128, "none", 89, 89.9, 82.8, 80.3, 77.3, 83.7, 91.5, 67.9, 81.7),
        _row(256, "none", 93, 90.2, 83.2, 80.3, 77.4, 84.1, 91.9, 67.3, 81.8),
        _row(768, "none", 108, 90.4, 83.2, 80.4, 77.6, 84.5, 92.8, 68.2, 82.3),
        _row(64, "all", 10, 88.7, 81.4, 77.5, 74.8, 80.8, 89.4, 63.5, 79.0),
        _row(128, "all", 12, 89.3, 82.3, 80.0, 77.1, 81.6, 90.3, 64.0, 80.1),
        _row(256, "all", 16, 88.8, 81.5, 79.1, 76.3, 81.5, 90.3, 63.4, 79.6),
        _row(768, "all", 31, 88.6, 81.5, 79.2, 76.6, 82.0, 90.6, 63.3, 79.8),
    ),
    "table4": (
        _row(768, "all", 31, 88.6, 81.5, 79.2, 76.6, 82.0, 90.6, 63.3, 79.8),
        _row(768, "attention", 83, 89.9, 82.7, 80.0, 77.2, 84.0, 91.4, 67.7, 81.6),
        _row(768, "ffn", 57, 89.2, 82.1, 78.2, 75.4, 81.5, 90.8, 62.6, 79.5),
        _row(768, "none", 108, 90.4, 83.2, 80.4, 77.6, 84.5, 92.8, 68.2, 82.3),
        _row(128, "all", 12, 89.3, 82.3, 80.0, 77.1, 82.0, 90.3, 64.0, 80.1),
        _row(128, "attention", 64, 89.9, 82.8, 80.7, 77.9, 83.4, 91.9, 67.6, 81.7),
        _row(128, "ffn", 38, 88.9, 81.6, 78.6, 75.6, 82.3, 91.7, 64.4, 80.2),
        _row(128, "none", 89, 89.9, 82.8, 80.3, 77.3, 83.2, 91.5, 67.9, 81.6),
    ),
}

_COUNTING = (
    "No single way of counting gives every parameter figure the paper prints: rows that share parameters fit the "
    "backbone with pooler and E→H projection, rows that share nothing fit the same without the pooler."
)
_MNLI_ALL = "All shared, E=128: MNLI is 81.6 in the paper's Tables 2, 3 and 7, and 82.0 in its Tables 4 and 5."
_MNLI_NONE = "Not shared, E=128: MNLI / average are 83.7 / 81.7 in the paper's Table 3, and 83.2 / 81.6 in its Table 4."

INCONSISTENCIES: dict[str, tuple[str, ...]] = {
    "table3": (_COUNTING, _MNLI_ALL, _MNLI_NONE),
    "table4": (
        _COUNTING,
        _MNLI_ALL,
        _MNLI_NONE,
        "Google's released code has no switch for sharing attention alone or the feed-forward block alone.",
    ),
}


def find_row(study: str, axes: Axes) -> PaperRow | None:
    """The paper's row for a cell of a study, None where the paper has none."""
    for row in TABLES.get(study, ()):
        if all(str(axes.get(key)) == str(value) for key, value in row.axes.items()):
            return row
    return None
