"""What to say when the disk that holds the cache is full."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albert_lab.config.errors import UserError


@contextmanager
def told_if_full(folder: Path) -> Iterator[None]:
    """Turns the system's error for a full disk or quota into one that says where, how much is free, and the mend."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(folder.parent).free
        raise UserError(
            f"the disk is full: {folder.parent} has {free / 1e6:.0f} MB free, and {folder.name} needs more "
            f"(about half the size of the text); free some space or set paths.cache= to a folder on another disk"
        ) from None
