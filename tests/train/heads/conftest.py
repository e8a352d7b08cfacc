"""A fine-tuning as a run does it, in this process."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from albert_lab.config.compose import save
from albert_lab.config.schema import FinetuneConfig
from albert_lab.runs.folder import RunFolder
from albert_lab.train.engine import run
from tests.lab import compose_verb

FineTune = Callable[..., RunFolder]


@pytest.fixture
def fine_tune(tmp_path: Path) -> Iterator[FineTune]:
    """Trains with these settings through the engine and gives the run's folder."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def train(*overrides: str) -> RunFolder:
        config = compose_verb(
            "finetune", f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "tracking=none",
            "trainer.accelerator=cpu", "trainer.threads=1", *overrides,
        )  # fmt: skip
        assert isinstance(config, FinetuneConfig)
        folder = RunFolder.of(config, "0123456789abcdef")
        save(config, folder.config)
        run(folder, config)
        return folder

    yield train
    for number, handler in handlers.items():
        signal.signal(number, handler)
