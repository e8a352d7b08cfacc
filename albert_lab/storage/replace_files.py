"""Several files of one folder replaced together: a reader finds all of the old ones or all of the new ones."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from albert_lab.storage.files import fsync

PARTIAL = ".new_files.partial"  # being written; worth nothing
READY = ".new_files.ready"  # whole, and on their way to their places
PLAN = ".plan.json"


@contextmanager
def replaced_together(folder: Path, owned: Sequence[str]) -> Iterator[Path]:
    """Yields a scratch folder; on success its files take their places in `folder`, which is made if it is missing.

    What matches `owned` (as in "model-*.safetensors") and has no successor goes; everything else in the folder stays.
    A failure or a kill while the files are written leaves the folder as it was; after that the new files are whole on
    the disk, and `settle` completes what a kill interrupts. A second writer waits for the first.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _held(folder):
            _settle(folder)
            with _scratch(folder) as scratch:
                yield scratch
                _write_plan(folder, scratch, owned)
                os.replace(scratch, folder / READY)
                fsync(folder)
            _settle(folder)
    except BaseException:
        if made:
            with suppress(OSError):  # someone else's file is in it by now
                folder.rmdir()
        raise


def settle(folder: Path) -> None:
    """Puts files in their places that a killed writer had ready; call it before reading any of them."""
    if (folder / READY).is_dir():
        with _held(folder):
            _settle(folder)


def is_plain_name(name: object) -> bool:
    """Whether this is the name of a file in the folder itself: no path that leads elsewhere."""
    return isinstance(name, str) and name not in ("", ".", "..") and not any(c in name for c in "/\\\0")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Locks the folder itself, so that no lock file stays among a user's; the system frees a killed holder's."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    scratch = folder / PARTIAL
    shutil.rmtree(scratch, ignore_errors=True)  # a killed writer's
    scratch.mkdir()
    try:
        yield scratch
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _write_plan(folder: Path, scratch: Path, owned: Sequence[str]) -> None:
    """Writes down what is to happen and brings all of it to the disk."""
    new = sorted(file.name for file in scratch.iterdir())
    old = (file.name for file in folder.iterdir() if any(fnmatch(file.name, pattern) for pattern in owned))
    plan = {"files": new, "stale": sorted(set(old) - set(new))}
    (scratch / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    for file in scratch.iterdir():
        fsync(file)
    fsync(scratch)


def _settle(folder: Path) -> None:
    """May be killed anywhere and called again: moving what has been moved, removing what is gone, changes nothing."""
    ready = folder / READY
    if not ready.is_dir():
        return
    files, stale = _plan(ready)
    for name in files:
        with suppress(FileNotFoundError):  # in its place since before the kill
            os.replace(ready / name, folder / name)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    fsync(folder)
    shutil.rmtree(ready)


def _plan(ready: Path) -> tuple[list[str], list[str]]:
    """Names to move and names to remove; none where the plan is gone, which is the last step but one."""
    if not (ready / PLAN).exists():
        return [], []
    plan = json.loads((ready / PLAN).read_text(encoding="utf-8"))
    return tuple(list(filter(is_plain_name, plan[key])) for key in ("files", "stale"))  # type: ignore[return-value]
