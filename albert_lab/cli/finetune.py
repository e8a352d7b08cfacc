"""`albert-lab finetune checkpoint=RUN task=TASK`: trains a finished run's model, or any checkpoint, on a task."""

from collections.abc import Sequence

from albert_lab.cli.train_jobs import train_jobs


def run(arguments: Sequence[str]) -> int:
    return train_jobs("finetune", arguments)
