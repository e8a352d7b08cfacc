"""Digests of files' contents; those of large files are remembered, so that an unchanged file is read once."""

import hashlib
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError
from albert_lab.storage.files import read_json, write_json
from albert_lab.storage.locks import lock


def file_digest(file: Path) -> str:
    """BLAKE2b of a file's bytes, 32 hexadecimal digits."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def identify_files(files: list[Path], cache: Path) -> list[list[Any]]:
    """[name, bytes, digest] of each file; the folder `cache` remembers digests by path, size and time of change."""
    memory = cache / "digests.json"
    known = _read_digests(memory)
    keys = {file: _state_key(file) for file in files}
    missing = {key: file_digest(file) for file, key in keys.items() if key not in known}
    if missing:
        with lock(memory, "the digests of data files"):
            write_json(memory, _read_digests(memory) | missing)
        known |= missing
    return [[file.name, file.stat().st_size, known[key]] for file, key in keys.items()]


def _state_key(file: Path) -> str:
    state = file.stat()
    return f"{file.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def _read_digests(file: Path) -> dict[str, str]:
    """What is remembered; nothing where the memory is damaged."""
    try:
        known = read_json(file) or {}
    except UserError:
        return {}
    return {path: digest for path, digest in known.items() if isinstance(digest, str)}
