"""A full disk: where, how much is free, and what to do."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albert_lab.errors import UserError


@contextmanager
def explain_full_disk(folder: Path, key: str | None = None, needs: str = "more") -> Iterator[None]:
    """Turns the error for a full disk or quota into one that says where it is, how much is free and what to do.

    Args:
        key: the setting that moves the folder (`paths.runs`); None for a folder that the user named.
        needs: how much the folder will take.
    """
    try:
        yield
    except Exception as error:
        if not _says_full(error):
            raise
        free = shutil.disk_usage(folder.parent).free
        other_disk = f"set {key}= to a folder on another disk" if key else "name a folder on another disk"
        raise UserError(
            f"the disk is full: {folder.parent} has {free / 1e6:.1f} MB free, and {folder.name} needs {needs}; "
            f"free some space or {other_disk}, then run the same command again"
        ) from None


def _says_full(error: Exception) -> bool:
    """The system's own error, or one of a library that quotes it (safetensors)."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left on device" in str(error)
