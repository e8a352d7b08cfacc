"""Folders that are whole or absent."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albert_lab.storage.files import fsync


@contextmanager
def build_folder(path: Path) -> Iterator[Path]:
    """Yields a scratch folder next to `path`, renamed to `path` on success and deleted on failure.

    Call it under `lock(path)`: it deletes what a killed builder left first.
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
