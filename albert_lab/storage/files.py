"""Text and JSON files that are whole or absent: a reader never sees half of one."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError

_MAX_JSON_BYTES = 64 * 2**20  # an index of weights has about 100 bytes a tensor


def write_text(path: Path, text: str) -> None:
    """Writes `path` in one step: a reader sees the old text or the new one, never a part."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `path` in one step, as `write_text` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object of a file of ours, or None where there is no such file."""
    if not path.exists():
        return None
    value = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object from a file that someone else wrote.

    Raises:
        UserError: it can't be read, is far too large, or doesn't hold a JSON object.
    """
    try:
        if file.stat().st_size > _MAX_JSON_BYTES:
            raise UserError(f"{file} has {file.stat().st_size / 1e6:.0f} MB, which no {file.name} has")
        if not (file.is_file() or file.is_dir()):  # reading a pipe or a device may never end
            raise UserError(f"{file} is not a regular file")
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested without end
        raise UserError(f"{file} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{file} holds a {type(value).__name__} where a JSON object is expected")
    return value


def fsync(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt":  # it flushes only files opened for writing
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
