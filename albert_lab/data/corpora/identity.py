"""What makes a corpus's text what it is, for fingerprints."""

from pathlib import Path
from typing import Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import CorpusKind
from albert_lab.data.corpora.docstrings import RECIPE_VERSION, installed_packages
from albert_lab.data.corpora.textfiles import KINDS, corpus_files
from albert_lab.storage.digests import identify_files


def corpus_identity(config: PretrainConfig) -> dict[str, Any]:
    """Follows from the text alone: package versions, or names, sizes and contents of files, or the hub's coordinates.

    A second call reads no file: `storage.digests` remembers.
    """
    data = config.data
    if data.corpus is CorpusKind.docstrings:
        return {"corpus": "docstrings", "recipe": RECIPE_VERSION, "packages": [list(p) for p in installed_packages()]}
    if data.corpus is CorpusKind.text:
        return {"corpus": "text", "files": identify_files(corpus_files(data.files), Path(config.paths.cache))}
    identity: dict[str, Any] = {
        "corpus": "hub",
        "dataset": data.dataset,
        "config": data.dataset_config,
        "split": data.split,
        "revision": data.revision,
    }
    if data.dataset and Path(data.dataset).is_dir():
        files = sorted(file for file in Path(data.dataset).rglob("*") if file.is_file() and _holds_data(file))
        identity |= {"dataset": "local folder", "files": identify_files(files, Path(config.paths.cache))}
    return identity


def _holds_data(file: Path) -> bool:
    return any(suffix in (*KINDS, ".json", ".csv", ".arrow") for suffix in file.suffixes)
