"""A corpus as token ids in memory-mapped files, in a folder named by the hash of its recipe."""

import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from albert_lab.data.random_bits import random_bits, uniform
from albert_lab.data.splits import SPLITS, split_number
from albert_lab.errors import UserError
from albert_lab.storage.digests import file_digest, identify_files
from albert_lab.storage.files import read_object

FORMAT_VERSION = 1
FILES = {  # name: type; tokens are uint16 where the vocabulary allows it
    "tokens.bin": "uint16 or uint32",
    "sentences.bin": "int64",  # [sentences + 1] where each begins in tokens
    "documents.bin": "int64",  # [documents + 1] where each begins in sentences
    "held_out.bin": "uint8",  # [documents] 1: never trained on
    "counts.bin": "int64",  # [2, V] occurrences of each piece in SPLITS
}
_HELD_OUT_KEY = np.array([0x5EED], np.uint64)


def is_held_out(document: int, share: float) -> bool:
    """Whether the document with this number in the corpus is held out: a pure function, the same everywhere."""
    return bool(uniform(random_bits(_HELD_OUT_KEY, document))[0] < share)


def token_dtype(vocab_size: int) -> str:
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


class TokenStore:
    """An open token store.

    Raises: UserError for one that is missing, cut short, damaged or of another version.
    """

    def __init__(self, folder: Path, check_sums: bool = False):
        self.folder = folder
        self.manifest = read_manifest(folder)
        check_files(folder, self.manifest)
        if check_sums:
            check_digests(folder, self.manifest)
        self.tokens = self._map("tokens.bin", token_dtype(self.manifest["vocab_size"]))
        self.sentences = self._map("sentences.bin", "int64")
        self.documents = self._map("documents.bin", "int64")

    def __reduce__(self) -> tuple[type["TokenStore"], tuple[Path]]:
        return TokenStore, (self.folder,)  # a process that receives a store maps the files itself

    def _map(self, name: str, kind: str) -> np.ndarray:
        file = self.folder / name
        if not file.stat().st_size:
            return np.empty(0, kind)
        return np.asarray(np.memmap(file, kind, "r"))

    @cached_property
    def counts(self) -> np.ndarray:
        """int64 [2, V]: how often each piece occurs in the training and in the held-out documents."""
        return self._map("counts.bin", "int64").reshape(len(SPLITS), -1)

    def documents_of(self, split: str) -> np.ndarray:
        """int64 [D]: numbers in this store of the split's documents, in order."""
        held_out = self._map("held_out.bin", "uint8").astype(bool)
        return np.flatnonzero(held_out == bool(split_number(split)))


def unigram_entropy(store: TokenStore | Path, split: str = "train") -> float:
    """Entropy in nats of the split's token frequencies: the loss of a model that knows nothing but them."""
    store = store if isinstance(store, TokenStore) else TokenStore(store)
    counts = store.counts[split_number(split)]
    counts = counts[counts > 0].astype(np.float64)
    total = counts.sum()
    return math.log(total) - float((counts * np.log(counts)).sum() / total) if total else 0.0


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the store holds and was made from. Raises: UserError for a folder that is not a store of this version."""
    if not (folder / "manifest.json").exists():
        raise UserError(f"{folder} is not a token store: it has no manifest.json; run again to build it")
    try:
        manifest = read_object(folder / "manifest.json")
    except UserError as error:
        raise UserError(f"{folder} is not a token store: {error}; {_hint(folder)}") from None
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise UserError(f"{folder} has store format {version!r}, this is {FORMAT_VERSION}; {_hint(folder)}")
    if not _is_whole(manifest):
        raise UserError(f"{folder} is not a token store: its manifest.json is damaged; {_hint(folder)}")
    return manifest


def _is_whole(manifest: dict[str, Any]) -> bool:
    """Whether all that is read of a manifest is there, with its type."""
    files = manifest.get("files")
    counts: list[Any] = [manifest.get(name) for name in ("documents", "sentences", "tokens")]
    return (
        type(manifest.get("vocab_size")) is int
        and all(isinstance(pair, list) and len(pair) == len(SPLITS) for pair in counts)
        and all(type(count) is int for pair in counts for count in pair)
        and isinstance(files, dict)
        and all(isinstance(files.get(name), dict) and {"bytes", "checksum"} <= set(files[name]) for name in FILES)
    )


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Raises: UserError where a file is missing or has another size."""
    for name in FILES:
        file, expected = folder / name, manifest["files"][name]
        size = file.stat().st_size if file.is_file() else None
        if size is None:
            raise UserError(f"token store {folder} lacks {name}; {_hint(folder)}")
        if size != expected["bytes"]:
            raise UserError(f"token store {folder}: {name} has {size} bytes, not {expected['bytes']}; {_hint(folder)}")


def check_digests(folder: Path, manifest: dict[str, Any], memory: Path | None = None) -> None:
    """Raises: UserError where a file has another content than was written.

    Args:
        memory: the folder that remembers digests: a store that did not change is read once; None: it is read.
    """
    files = [folder / name for name in FILES]
    digests = [file_digest(f) for f in files] if memory is None else [d for _, _, d in identify_files(files, memory)]
    for name, digest in zip(FILES, digests, strict=True):
        if digest != manifest["files"][name]["checksum"]:
            raise UserError(f"token store {folder}: {name} is damaged (checksum); {_hint(folder)}")


def _hint(folder: Path) -> str:
    return f"delete {folder} and run again to build it"
