"""Locks between processes; the system frees those of a process that is killed."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from albert_lab.errors import UserError

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

QUIET_SECONDS = 10.0  # that a process waits without saying so

log = logging.getLogger(__name__)


@contextmanager
def lock(path: Path, what: str) -> Iterator[int]:
    """Holds `<path>.lock` and waits for another process that does.

    Yields the lock's file descriptor: a child process that inherits it holds the lock too.

    Args:
        what: names the thing in the message that says who holds it.
    """
    if fcntl is None:
        raise UserError(
            f"{what} needs a lock on {path}, for which this system has no fcntl: corpora and runs need Linux; "
            "models and tokenizers work without"
        )
    name = path.with_name(path.name + ".lock")
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(name, "a+", encoding="utf-8") as file:
            if not _lock_soon(file):
                file.seek(0)
                holder = file.read().strip() or "another process"
                log.warning("%s is in use by %s; waiting for it", what, holder, extra={"once": f"waiting for {what}"})
                fcntl.flock(file, fcntl.LOCK_EX)
            if not name.exists() or not os.path.samestat(name.stat(), os.fstat(file.fileno())):
                continue  # its folder was moved away while we waited
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            yield file.fileno()
            return


def is_held(path: Path) -> bool:
    """Whether a process holds `<path>.lock`; asking creates no file and disturbs nobody who waits for it."""
    if fcntl is None:
        return False
    try:
        with open(path.with_name(path.name + ".lock"), encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # never locked, or nothing that a process could lock
    return False


def _lock_soon(file: TextIO) -> bool:
    """Whether the lock could be had within `QUIET_SECONDS`."""
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Locks the folder itself, so that no lock file stays in a folder of the user's.

    Windows can't: there, two processes must not save into one folder at the same time.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
