"""Answers GLUE's test sets with fine-tuned runs, as its leaderboard takes them (`albert_lab/scoring/submission.py`)."""

from collections.abc import Mapping
from pathlib import Path

from albert_lab.errors import UserError
from albert_lab.scoring.predictions import Prediction
from albert_lab.train.predict import predict_split

SOURCES = {  # file of a submission -> the task whose run answers it, and the split that it answers
    "CoLA": ("cola", "test"),
    "SST-2": ("sst2", "test"),
    "MRPC": ("mrpc", "test"),
    "STS-B": ("stsb", "test"),
    "QQP": ("qqp", "test"),
    "MNLI-m": ("mnli", "test_matched"),
    "MNLI-mm": ("mnli", "test_mismatched"),
    "QNLI": ("qnli", "test"),
    "RTE": ("rte", "test"),
    "WNLI": ("wnli", "test"),
    "AX": ("mnli", "test_ax"),
}


def answer_glue(
    runs: Mapping[str, Path], data_root: str | None = None
) -> tuple[dict[str, list[Prediction]], list[str]]:
    """The answers that `write_submission` takes, and a line for each file that there are none for.

    Args:
        runs: a finished run's folder for each task: `{"mnli": ..., "cola": ...}`.
        data_root: where GLUE's files are; None: where the runs had them.
    """
    answers: dict[str, list[Prediction]] = {}
    missing = []
    for sheet, (task, split) in SOURCES.items():
        try:
            if task not in runs:
                raise UserError(f"no finished run of task={task}")
            answers[sheet] = predict_split(runs[task], split, data_root)
        except UserError as error:
            missing.append(f"{sheet}: {error}")
    return answers, missing
