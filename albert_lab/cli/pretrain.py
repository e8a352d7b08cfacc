"""`albert-lab pretrain`: trains one variant, or with --multirun many."""

from collections.abc import Sequence

from albert_lab.cli.train_jobs import train_jobs


def run(arguments: Sequence[str]) -> int:
    return train_jobs("pretrain", arguments)
