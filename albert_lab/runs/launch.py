"""From a configuration to a finished run: its folder, its data, a training process of its own, its record."""

import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from albert_lab.config.check import check
from albert_lab.config.compose import save
from albert_lab.config.schema import RunConfig, TrainerConfig
from albert_lab.errors import RunFailedError, RunStoppedError, UserError, exit_code_of, first_line
from albert_lab.processes import child_environment
from albert_lab.runs.contents import prepare_contents, read_contents
from albert_lab.runs.folder import RunFolder, move_aside, tracking_uri
from albert_lab.runs.identity import fingerprint
from albert_lab.runs.log_lines import LABEL, current_label
from albert_lab.runs.machine import has_gpu_driver, usable_cores
from albert_lab.storage.disk import explain_full_disk
from albert_lab.storage.files import read_json, write_text
from albert_lab.storage.locks import lock

log = logging.getLogger(__name__)

STOPPED = 143  # exit code of a training process that was told to stop and has saved its state (128 + SIGTERM)
USER_MISTAKE = 2
FORCE = "ALBERT_LAB_FORCE"  # "1": finished runs run again
FAILURE = "ALBERT_LAB_FAILURE"  # names the file to which the training process writes why it failed
_children: "set[subprocess.Popen[bytes]]" = set()  # training processes that nobody has told to stop


def execute(config: RunConfig) -> RunFolder:
    """Trains what `config` describes and returns the run's folder; returns a finished run's folder at once.

    An unfinished run is resumed. With `ALBERT_LAB_FORCE=1` (`--force`) a finished one is set aside and runs again.
    Raises UserError, RunFailedError or RunStoppedError.
    """
    folder = folder_of(config)
    if os.environ.get(FORCE) == "1" and folder.record():
        prepare_contents(config)
        log.info("the finished run is kept as %s", move_aside(folder, Path(config.paths.runs) / "replaced"))
    if not folder.record():
        _require_linux()
        _require_gpu(config.trainer)
        with explain_full_disk(folder.path, "paths.runs"), lock(folder.path / "run", f"run {folder.path.name}") as held:
            if not folder.record():
                with _note_failure(folder):
                    _train(config, folder, held)
                return folder
    log.info("%s is already finished", folder.path.name)
    _send_missing_metrics(config, folder)
    return folder


def folder_of(config: RunConfig) -> RunFolder:
    """The folder of the run that `config` describes, whether it exists or not. Raises UserError for a bad setting."""
    check(config)
    return RunFolder.of(config, fingerprint(config, read_contents(config)))


@contextmanager
def _note_failure(folder: RunFolder) -> Iterator[None]:
    """Keeps in the run's folder why an attempt failed, for `albert-lab runs`."""
    folder.failure.unlink(missing_ok=True)
    try:
        yield
    except (UserError, RunFailedError) as error:
        with suppress(OSError):
            write_text(folder.failure, first_line(error).removeprefix(f"{folder.path.name}: ") + "\n")
        raise


def _train(config: RunConfig, folder: RunFolder, held_lock: int) -> None:
    save(config, folder.config)
    prepare_contents(config)
    with tempfile.NamedTemporaryFile("r", prefix="albert-lab-", encoding="utf-8") as failure:
        environment = _threads(config.trainer) | {FAILURE: failure.name}
        stopped = f"{folder.path.name} was stopped; the same command goes on with it"
        try:
            code = _run_child([sys.executable, "-m", "albert_lab.train", str(folder.path)], environment, held_lock)
        except KeyboardInterrupt as error:
            raise RunStoppedError(stopped, exit_code_of(error)) from None
        reason = failure.read() or f"the training process ended with {_describe_exit(code)}; see {folder.log}"
    if code in (STOPPED, -signal.SIGTERM, -signal.SIGINT):  # perhaps after the record, while it sent to MLflow
        raise RunStoppedError(stopped)
    if folder.record():
        return
    if code == USER_MISTAKE:
        raise UserError(reason)
    raise RunFailedError(f"{folder.path.name}: {reason}")


def _require_linux() -> None:
    if not sys.platform.startswith("linux"):
        raise UserError(
            f"training needs Linux, whose kernel ends a training process with its command; this is {sys.platform}. "
            "Models and tokenizers work here"
        )


def _require_gpu(trainer: TrainerConfig) -> None:
    """Refuses at once what would fail in the training process, after everything is prepared."""
    if trainer.accelerator == "gpu" and not has_gpu_driver():
        raise UserError("trainer.accelerator=gpu: this machine has no GPU driver; take trainer.accelerator=auto or cpu")


def _threads(trainer: TrainerConfig) -> dict[str, str]:
    """The environment that gives a process its CPU threads; libraries read it when they are loaded."""
    cores = usable_cores()
    threads = trainer.threads or max(1, cores // trainer.devices)
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def _run_child(command: list[str], environment: dict[str, str], held_lock: int) -> int:
    """Runs `command` and returns its exit code. The child holds the run's lock too.

    Raises KeyboardInterrupt (RunStoppedError after SIGTERM) once the child, told to stop as well, has ended.
    """
    environment = child_environment() | environment | {LABEL: current_label()}
    child = subprocess.Popen(command, env=environment, pass_fds=(held_lock,), stdout=sys.stderr)
    _children.add(child)
    interrupt: KeyboardInterrupt | None = None
    try:
        while True:
            try:
                code = child.wait()
                break
            except KeyboardInterrupt as error:
                log.warning("stopping: waiting for the training process to save its state")
                interrupt = interrupt or error
                stop_children()
    finally:
        _children.discard(child)
    if interrupt is not None:
        raise interrupt
    return code


def stop_children() -> None:
    """Tells every training process that this process has started to save its state and end; each is told once."""
    for child in list(_children):
        _children.discard(child)
        child.terminate()


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    hint = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"signal {signal.Signals(-code).name}{hint}"


def _send_missing_metrics(config: RunConfig, folder: RunFolder) -> None:
    """Sends a finished run's metrics to MLflow if the server was down while it trained."""
    state = read_json(folder.tracking) or {}
    if config.tracking.mlflow and not state.get("complete"):
        command = [sys.executable, "-m", "albert_lab.train.tracking.journal", str(folder.path)]
        command.append(tracking_uri(config.tracking, config.paths))
        subprocess.run(command, check=False, stdout=sys.stderr, env=child_environment())
