"""Files that are whole or absent, and locks that a killed holder gives back."""

import fcntl
import json
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError

log = logging.getLogger(__name__)
_MAX_JSON_BYTES = 64 * 2**20  # an index of weights has about 100 bytes a tensor


def write_text(path: Path, text: str) -> None:
    """Writes `path` in one step: a reader sees the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object from a file that someone else wrote.

    Raises:
        UserError: it can't be read, is far too large, or is no JSON object.
    """
    try:
        if file.stat().st_size > _MAX_JSON_BYTES:
            raise UserError(f"{file} has {file.stat().st_size / 1e6:.0f} MB, which no {file.name} has")
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested without end
        raise UserError(f"{file} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{file} holds a {type(value).__name__} where a JSON object is expected")
    return value


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yields a scratch folder beside `path` that takes its name on success and is deleted on failure.

    Call it under `lock(path)`: what a killed builder left behind is swept away first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
        for name in sorted(scratch.rglob("*")):
            if name.is_file():
                fsync(name)
        os.replace(scratch, path)
        fsync(path.parent)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def lock(path: Path, what: str) -> Iterator[int]:
    """Holds `<path>.lock`, waiting for another holder; the system frees it if the holder is killed.

    Yields the lock's file descriptor: a child process that inherits it holds the lock too. `what` names the thing in
    the message that says who holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path.with_name(path.name + ".lock"), "a+", encoding="utf-8")  # noqa: SIM115 (closed below)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            log.warning("%s is being made by %s; waiting for it", what, file.read().strip() or "another process")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield file.fileno()
    finally:
        file.close()
