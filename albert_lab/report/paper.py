"""What the ALBERT paper printed in Tables 2, 3, 4, 9 and 10, as data, and where its own figures disagree.

Source: Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations", ICLR 2020
(arXiv 1909.11942). Tables 3 and 4: base size (12 layers, H = 768), 125,000 steps at batch 4096; scores are on
development sets.
"""

from collections.abc import Collection, Mapping
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


Figures = tuple[float, ...]  # percent, in the order of a column's figures


@dataclass(frozen=True)
class BenchmarkColumn:
    """A column of scores: one figure, `F1/EM`, or `all (middle/high)`."""

    task: str  # a choice of `conf/task/`
    heading: str
    figures: tuple[str, ...]  # as a run's record names them


@dataclass(frozen=True)
class BenchmarkTable:
    """Scores of several models on several tasks; a model lacks the tasks that the paper has no figure of."""

    title: str
    columns: tuple[BenchmarkColumn, ...]
    rows: Mapping[str, Mapping[str, Figures]]  # model -> task -> figures
    averages: Mapping[str, float] | None  # as printed, by model; None: the table has no such column
    note: str


def _one(task: str, heading: str, figure: str = "accuracy") -> BenchmarkColumn:
    return BenchmarkColumn(task, heading, (figure,))


_GLUE = (
    _one("mnli", "MNLI"), _one("qnli", "QNLI"), _one("qqp", "QQP"), _one("rte", "RTE"), _one("sst2", "SST"),
    _one("mrpc", "MRPC"), _one("cola", "CoLA", "matthews"), _one("stsb", "STS", "pearson"), _one("wnli", "WNLI"),
)  # fmt: skip
_SQUAD = tuple(
    BenchmarkColumn(f"squad{version}", f"SQuAD {version}.{minor}", ("answer_f1", "exact_match"))
    for version, minor in ((1, 1), (2, 0))
)


def _glue(*scores: float) -> dict[str, Figures]:
    return {column.task: (score,) for column, score in zip(_GLUE, scores, strict=False)}


def _ablation(squad1: Figures, squad2: Figures, *scores: float) -> dict[str, Figures]:
    mnli, sst2, race = ((score,) for score in scores)
    return {"squad1": squad1, "squad2": squad2, "mnli": mnli, "sst2": sst2, "race": race}


def _reading(squad1: Figures, squad2: Figures, race: Figures) -> dict[str, Figures]:
    return {"squad1": squad1, "squad2": squad2, "race": race}


BENCHMARK_TABLES = (
    BenchmarkTable(
        "Table 9",
        _GLUE,
        {
            "BERT-large": _glue(86.6, 92.3, 91.3, 70.4, 93.2, 88.0, 60.6, 90.0),
            "XLNet-large": _glue(89.8, 93.9, 91.8, 83.8, 95.6, 89.2, 63.6, 91.8),
            "RoBERTa-large": _glue(90.2, 94.7, 92.2, 86.6, 96.4, 90.9, 68.0, 92.4),
            "ALBERT (1M)": _glue(90.4, 95.2, 92.0, 88.1, 96.8, 90.2, 68.7, 92.7),
            "ALBERT (1.5M)": _glue(90.8, 95.3, 92.2, 89.2, 96.9, 90.9, 71.4, 93.0),
        },
        {},
        "Paper: single models on the development sets, medians of 5 runs; RTE, STS and MRPC start from an MNLI model. "
        "CoLA: Matthews correlation; STS: Pearson; else accuracy, MNLI matched. It prints neither WNLI nor an average "
        "there; ours is the mean of all nine, which is not the leaderboard's score.",
    ),
    BenchmarkTable(
        "Table 10",
        (*_SQUAD, BenchmarkColumn("race", "RACE", ("accuracy", "middle_accuracy", "high_accuracy"))),
        {
            "BERT-large": _reading((90.9, 84.1), (81.8, 79.0), (72.0, 76.6, 70.1)),
            "XLNet": _reading((94.5, 89.0), (88.8, 86.1), (81.8, 85.5, 80.2)),
            "RoBERTa": _reading((94.6, 88.9), (89.4, 86.5), (83.2, 86.5, 81.3)),
            "ALBERT (1M)": _reading((94.8, 89.2), (89.9, 87.2), (86.0, 88.2, 85.1)),
            "ALBERT (1.5M)": _reading((94.8, 89.3), (90.2, 87.4), (86.5, 89.0, 85.5)),
        },
        None,
        "SQuAD: F1/EM on the development sets. RACE: accuracy of all (middle/high school); the paper's is of the test "
        "set, ours of the development set.",
    ),
    BenchmarkTable(
        "Table 2",
        (*_SQUAD, _one("mnli", "MNLI"), _one("sst2", "SST-2"), _one("race", "RACE")),
        {
            "BERT base": _ablation((90.4, 83.2), (80.4, 77.6), 84.5, 92.8, 68.2),
            "BERT large": _ablation((92.2, 85.5), (85.0, 82.2), 86.6, 93.0, 73.9),
            "ALBERT base": _ablation((89.3, 82.3), (80.0, 77.1), 81.6, 90.3, 64.0),
            "ALBERT large": _ablation((90.6, 83.9), (82.3, 79.4), 83.5, 91.7, 68.5),
            "ALBERT xlarge": _ablation((92.5, 86.1), (86.1, 83.1), 86.4, 92.4, 74.8),
            "ALBERT xxlarge": _ablation((94.1, 88.3), (88.1, 85.1), 88.0, 95.2, 82.3),
        },
        {
            "BERT base": 82.3,
            "BERT large": 85.2,
            "ALBERT base": 80.1,
            "ALBERT large": 82.4,
            "ALBERT xlarge": 85.5,
            "ALBERT xxlarge": 88.7,
        },
        "Paper: development sets, pre-trained for 125,000 steps. SQuAD: F1/EM; else accuracy. The average takes each "
        "SQuAD as the mean of F1 and EM.",
    ),
)  # of several that fit a suite equally well, the first is shown

EXAMPLES = {  # task -> examples of its whole training set, and of the development set that judges it
    "cola": (8_551, 1_043),
    "sst2": (67_349, 872),
    "mrpc": (3_668, 408),
    "stsb": (5_749, 1_500),
    "qqp": (363_846, 40_430),
    "mnli": (392_702, 9_815),
    "qnli": (104_743, 5_463),
    "rte": (2_490, 277),
    "wnli": (635, 71),
    "squad1": (87_599, 10_570),
    "squad2": (130_319, 11_873),
    "race": (87_866, 4_887),
}


def find_benchmark_table(tasks: Collection[str]) -> BenchmarkTable | None:
    """The paper's table that has most of the tasks; None where none has any."""
    counts = [sum(column.task in tasks for column in table.columns) for table in BENCHMARK_TABLES]
    return BENCHMARK_TABLES[counts.index(max(counts))] if max(counts) else None
