"""What makes a corpus's text what it is, for fingerprints; reads files once and remembers their digests."""

import hashlib
import json
from pathlib import Path
from typing import Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import CorpusKind
from albert_lab.data.corpora.docstrings import RECIPE_VERSION, installed_packages
from albert_lab.data.corpora.textfiles import KINDS, corpus_files
from albert_lab.storage.files import lock, write_json


def corpus_identity(config: PretrainConfig) -> dict[str, Any]:
    """Follows from the text alone: package versions, or names, sizes and contents of files, or the hub's coordinates.

    A second call costs no reading: digests are kept in the cache by path, size and time of change.
    """
    data = config.data
    if data.corpus is CorpusKind.docstrings:
        return {"corpus": "docstrings", "recipe": RECIPE_VERSION, "packages": [list(p) for p in installed_packages()]}
    if data.corpus is CorpusKind.text:
        return {"corpus": "text", "files": described(corpus_files(data.files), Path(config.paths.cache))}
    identity: dict[str, Any] = {
        "corpus": "hub",
        "dataset": data.dataset,
        "config": data.dataset_config,
        "split": data.split,
        "revision": data.revision,
    }
    if data.dataset and Path(data.dataset).is_dir():
        files = sorted(file for file in Path(data.dataset).rglob("*") if file.is_file() and _holds_data(file))
        identity |= {"dataset": "local folder", "files": described(files, Path(config.paths.cache))}
    return identity


def _holds_data(file: Path) -> bool:
    return any(suffix in (*KINDS, ".json", ".csv", ".arrow") for suffix in file.suffixes)


def described(files: list[Path], cache: Path) -> list[list[Any]]:
    """[name, bytes, digest] of each file; `cache` remembers digests."""
    known = _read_digests(cache / "digests.json")
    keys = {file: _state_key(file) for file in files}
    missing = {key: file_digest(file) for file, key in keys.items() if key not in known}
    if missing:
        _remember(cache / "digests.json", missing)
        known |= missing
    return [[file.name, file.stat().st_size, known[key]] for file, key in keys.items()]


def _state_key(file: Path) -> str:
    state = file.stat()
    return f"{file.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def file_digest(file: Path) -> str:
    """BLAKE2b of a file's bytes."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _remember(file: Path, digests: dict[str, str]) -> None:
    with lock(file, "the digests of data files"):
        write_json(file, _read_digests(file) | digests)


def _read_digests(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return known if isinstance(known, dict) else {}
