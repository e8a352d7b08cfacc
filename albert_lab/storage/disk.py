"""What to say when a disk is full."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albert_lab.errors import UserError


@contextmanager
def told_if_full(folder: Path, key: str | None = None, needs: str = "more") -> Iterator[None]:
    """Turns the error for a full disk or quota into one that says where, how much is free, and the mend.

    `key` is the setting that names another place (`paths.runs`; None: no setting, a folder that the user gave), `needs`
    what the folder will take.
    """
    try:
        yield
    except Exception as error:
        if not _says_full(error):
            raise
        free = shutil.disk_usage(folder.parent).free
        elsewhere = f"set {key}= to a folder on another disk" if key else "name a folder on another disk"
        raise UserError(
            f"the disk is full: {folder.parent} has {free / 1e6:.1f} MB free, and {folder.name} needs {needs}; "
            f"free some space or {elsewhere}, then run the same command again"
        ) from None


def _says_full(error: Exception) -> bool:
    """The system's error, or a library's that only quotes it (safetensors)."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left on device" in str(error)
