"""Text and JSON files that are whole or absent: a reader never sees half of one."""

import json
import os
import stat
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
    """The JSON object of a file of ours, or None where there is no such file.

    Raises:
        UserError: it is damaged; such a file is made again once it is deleted.
    """
    if not os.path.lexists(path):
        return None
    try:
        return read_object(path)
    except UserError as error:
        raise UserError(f"{error}; delete it to have it made again") from None


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object from a file that someone else wrote.

    Raises:
        UserError: it can't be read, is far too large, or doesn't hold a JSON object.
    """
    content = read_bytes(file, _MAX_JSON_BYTES)
    try:
        value = json.loads(content.decode("utf-8"))
        if b"\\u" in content:  # an escape can write half a surrogate pair, which is no character and no file name
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested without end
        raise UserError(f"{file} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{file} holds a {type(value).__name__} where a JSON object is expected")
    return value


def read_bytes(file: Path, most_bytes: int = 2**31) -> bytes:
    """The content of a file that someone else wrote.

    Raises:
        UserError: it can't be read, is far too large, or is a pipe or a device, reading which may never end.
    """
    check_regular(file)
    try:
        if file.stat().st_size > most_bytes:
            raise UserError(f"{file} has {file.stat().st_size / 1e6:.0f} MB, which no {file.name} has")
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from None


def check_regular(file: Path) -> None:
    """Raises UserError for a pipe, a socket or a device, and for what is not there; a library may wait for them."""
    try:
        kind = file.stat().st_mode
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from None
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise UserError(f"{file} is not a regular file")


def fsync(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt":  # it flushes only files opened for writing
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
