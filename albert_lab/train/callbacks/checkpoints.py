"""Checkpoints that are whole or absent, at intervals and when the process is told to stop."""

import logging
import os
import pickle
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import lightning as L
import torch

from albert_lab.config.check import list_strategies
from albert_lab.config.schema import TrainerConfig
from albert_lab.errors import UserError, first_line
from albert_lab.storage.files import check_regular
from albert_lab.train.callbacks.meter import Meter
from albert_lab.train.distributed import load_strategy

log = logging.getLogger(__name__)


def newest(folder: Path) -> Path | None:
    """The checkpoint of the latest step; a half-written one has another name and doesn't count."""
    steps = {path: path.name.removeprefix("step-") for path in folder.glob("step-*")}
    found = {path: int(step) for path, step in steps.items() if step.isdecimal() and step.isascii()}
    return max(found, key=lambda path: found[path], default=None)


def check_whole(checkpoint: Path | None) -> None:
    """Raises UserError for a checkpoint that is cut short or damaged: every part of it has a checksum."""
    if checkpoint is None:
        return
    for file in sorted(checkpoint.rglob("*.pt")) if checkpoint.is_dir() else [checkpoint]:
        check_regular(file)
        try:
            with zipfile.ZipFile(file) as parts:
                damaged = parts.testzip()
            torch.load(file, map_location="cpu", mmap=True, weights_only=True)  # reads no tensor yet
        except pickle.UnpicklingError:
            continue  # code or a class of DeepSpeed's; `refuse_code` knows which are allowed
        except Exception as error:  # a damaged archive makes the reader raise anything at all
            damaged = first_line(error)
        if damaged:
            raise UserError(f"{file} is cut short or damaged ({damaged}); delete {checkpoint} to start again")


def check_strategy(checkpoint: Path | None, name: str) -> None:
    """Raises UserError for a checkpoint that the strategy `name` can't read: those that shard save folders."""
    if checkpoint is None or checkpoint.is_dir() == load_strategy(name).saves_folders:
        return
    strategies = {other: load_strategy(other) for other in list_strategies()}
    able = [f"trainer={other}" for other, its in strategies.items() if its.saves_folders == checkpoint.is_dir()]
    raise UserError(
        f"trainer.strategy={name} can't go on from {checkpoint}, saved with {' or '.join(able)}; "
        "go on with that, or delete the run's checkpoints to start again"
    )


@contextmanager
def refuse_code(checkpoint: Path | None) -> Iterator[None]:
    """Raises UserError for a checkpoint that holds more than tensors and plain values."""
    try:
        yield
    except pickle.UnpicklingError:
        raise UserError(
            f"{checkpoint} is damaged, or holds code, which no checkpoint of a run does; none of it was run. "
            f"Delete {checkpoint} to start again"
        ) from None


class Checkpoints(L.Callback):
    """Saves the whole training state under `step-N` and keeps the newest.

    A SIGTERM or SIGINT saves at the end of the step and stops the training (`was_stopped`).
    """

    def __init__(self, folder: Path, config: TrainerConfig, meter: Meter) -> None:
        self.folder, self.config, self.meter = folder, config, meter
        self.was_stopped = False
        self._told_to_stop = False
        self._last_seconds = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._last_seconds = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT):  # in place of Lightning's, which leaves without saving
            signal.signal(number, self._on_signal)

    def stop_listening(self) -> None:
        """Lets SIGTERM and SIGINT end the process at once: the last checkpoint is saved, what follows can be redone."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop = True

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self.was_stopped = _on_any_rank(trainer, self._told_to_stop)
        if self.was_stopped or self._is_due(trainer):
            self.save(trainer)
        if self.was_stopped:
            log.info("told to stop: saved step %d", trainer.global_step)
            trainer.should_stop = True

    def _is_due(self, trainer: L.Trainer) -> bool:
        steps, seconds = self.config.checkpoint_every_steps, self.config.checkpoint_every_seconds
        if steps is not None and trainer.global_step % steps == 0:
            return True
        late = seconds is not None and time.monotonic() - self._last_seconds >= seconds
        return _on_any_rank(trainer, late)

    def save(self, trainer: L.Trainer) -> None:
        """Writes beside the final name, then renames: a kill at any moment leaves the previous checkpoint whole."""
        final = self.folder / f"step-{trainer.global_step}"
        partial = self.folder / f"partial-{trainer.global_step}"
        if trainer.is_global_zero:
            self._clear(keep=newest(self.folder))
        trainer.strategy.barrier()
        if final.exists():
            return
        try:
            trainer.save_checkpoint(partial)
        except BaseException:
            _remove(partial)
            raise
        trainer.strategy.barrier()
        if trainer.is_global_zero:
            _sync(partial)
            os.replace(partial, final)
            self._clear(keep=final)
        trainer.strategy.barrier()
        self._last_seconds = time.monotonic()
        self.meter.restart_clock()

    def _clear(self, keep: Path | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if path != keep:
                _remove(path)


def _on_any_rank(trainer: L.Trainer, flag: bool) -> bool:
    if trainer.world_size == 1:
        return flag
    return bool(
        trainer.strategy.reduce(torch.tensor(float(flag), device=trainer.strategy.root_device), reduce_op="sum")
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())
