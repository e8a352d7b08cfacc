"""Replaces several files of one folder together: a reader finds all of the old ones or all of the new ones."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from albert_lab.errors import UserError
from albert_lab.storage.files import fsync, read_object
from albert_lab.storage.locks import lock_folder

PARTIAL = ".new_files.partial"  # being written
READY = ".new_files.ready"  # complete, being moved into place
PLAN = ".plan.json"
MOST_NAME_BYTES = 255  # of a file's name, on Linux and macOS


@contextmanager
def replace_together(folder: Path, owned: Sequence[str]) -> Iterator[Path]:
    """Yields a scratch folder, whose files move into `folder` on success; creates `folder` if it is missing.

    Old files that match `owned` (as in "model-*.safetensors") and are not replaced are deleted; all others stay.
    A failure or a kill while the files are written leaves the folder as it was. Once they are complete on the disk,
    `finish_replacing` finishes what a kill interrupts. A second writer waits for the first.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_folder(folder):
            _move_into_place(folder)
            with _scratch(folder) as scratch:
                yield scratch
                _write_plan(folder, scratch, owned)
                os.replace(scratch, folder / READY)
                fsync(folder)
            _move_into_place(folder)
    except BaseException:
        if made:
            with suppress(OSError):  # someone else's file is in it by now
                folder.rmdir()
        raise


def finish_replacing(folder: Path) -> None:
    """Moves the files into place that a killed writer had completed; call it before reading any of them."""
    if (folder / READY).is_dir():
        try:
            with lock_folder(folder):
                _move_into_place(folder)
        except OSError as error:
            raise UserError(f"{folder / READY}, which a save left, can't be moved: {error.strerror}") from None


def is_plain_name(name: object) -> bool:
    """Whether this can name a file in the folder itself, not a path that leads elsewhere."""
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not any(c in name for c in "/\\\0")
        and len(os.fsencode(name)) <= MOST_NAME_BYTES
    )


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
    """Writes down which files to move and which to delete, and waits until everything is on the disk."""
    new = sorted(file.name for file in scratch.iterdir())
    old = (file.name for file in folder.iterdir() if any(fnmatch(file.name, pattern) for pattern in owned))
    plan = {"files": new, "stale": sorted(set(old) - set(new))}
    (scratch / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    for file in scratch.iterdir():
        fsync(file)
    fsync(scratch)


def _move_into_place(folder: Path) -> None:
    """May be killed anywhere and called again: files that are already moved or deleted are skipped."""
    ready = folder / READY
    if not ready.is_dir():
        return
    files, stale = _read_plan(ready)
    for name in files:
        with suppress(FileNotFoundError):  # moved before the kill
            os.replace(ready / name, folder / name)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    fsync(folder)
    shutil.rmtree(ready)


def _read_plan(ready: Path) -> tuple[list[str], list[str]]:
    """Names to move and names to delete; none if the plan itself is already deleted.

    Raises: UserError for a plan that no writer wrote.
    """
    if not os.path.lexists(ready / PLAN):
        return [], []
    plan = read_object(ready / PLAN)
    files, stale = plan.get("files"), plan.get("stale")
    if not (isinstance(files, list) and isinstance(stale, list)):
        raise UserError(f"{ready / PLAN} is damaged; delete {ready}, or move its files by hand")
    return list(filter(is_plain_name, files)), list(filter(is_plain_name, stale))
