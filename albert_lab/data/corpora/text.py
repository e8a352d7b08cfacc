"""`data.corpus=text`: local files, .txt, .jsonl or .parquet, also compressed."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_lab.data.corpora.corpus import Corpus
from albert_lab.data.corpora.documents import Line, lines_of_file
from albert_lab.data.corpora.readers import file_type
from albert_lab.errors import UserError, nearest
from albert_lab.storage.digests import identify_files


class TextCorpus(Corpus):
    """The files that `data.files` names, in that order."""

    name = "text"

    def check_settings(self) -> None:
        if not self.data.files:
            raise UserError("data=text needs data.files=[PATH,...]: paths or globs of .txt, .jsonl or .parquet files")

    def identity(self) -> dict[str, Any]:
        return {"corpus": "text", "files": identify_files(find_files(self.data.files), self.cache)}

    def lines(self, workers: int | None = None) -> Iterator[Line]:
        for file in find_files(self.data.files):
            yield from lines_of_file(file, self.data)


def find_files(patterns: list[str]) -> list[Path]:
    """The files of these paths and globs, in the order given; those of a glob sorted, each once.

    Raises: UserError for a missing file, a glob without a match, an unknown extension, or a pipe or device: reading
    one may never end.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, recursive=True)) if set("*?[") & set(pattern) else [pattern]
        files = [Path(match) for match in matches if not Path(match).is_dir()]
        if not files or not files[0].exists():
            raise UserError(f"data.files: {pattern!r} matches no file (looked from {Path.cwd()}){_hint(pattern)}")
        found.update(dict.fromkeys(files))
    for file in found:
        file_type(file)
        if not file.is_file():
            raise UserError(
                f"data.files: {str(file)!r} is not a regular file but a pipe, socket or device; copy it to one"
            )
    return list(found)


def _hint(pattern: str) -> str:
    if Path(pattern).is_dir():
        return f"; it is a folder: name its files, e.g. '{pattern}/*.txt'"
    folder = Path(pattern).parent
    names = [entry.name for entry in folder.iterdir() if entry.is_file()] if folder.is_dir() else []
    return nearest(Path(pattern).name, names[:1000]) if 0 < len(names) <= 20 else ""
