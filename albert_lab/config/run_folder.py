"""A run's identity and its folder: the same settings always lead to the same place."""

import hashlib
import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from albert_lab.config.schema import RESULT_GROUPS, Config

NUMERICS = 1  # raised when a change of the code changes what a configuration computes


def fingerprint(config: Config, corpus: dict[str, Any]) -> str:
    """Hash of every setting that can change a result; `corpus` says what the text and vocabulary files hold.

    Paths are left out: the content that `corpus` digests counts, not where it lies.
    """
    settings: dict[str, Any] = {group: asdict(getattr(config, group)) for group in RESULT_GROUPS}
    del settings["data"]["files"], settings["tokenizer"]["model_file"]
    text = json.dumps([NUMERICS, settings, corpus], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    raise TypeError(f"no stable form for {value!r}")


def describe(config: Config) -> str:
    """A name that a person can read: `all E16 H96 L6 seed 0`."""
    model, sharing = config.model, config.sharing
    scheme = f"groups{sharing.num_hidden_groups}" if sharing.scheme == "groups" else sharing.scheme
    return f"{scheme} E{model.embedding_size} H{model.hidden_size} L{model.num_hidden_layers} seed {config.train.seed}"


class RunFolder:
    """`<paths.runs>/pretrain/<name>-<fingerprint>/` and the files in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"  # resolved
        self.result = path / "result.json"  # the record; there only when the run is finished
        self.weights = path / "model.safetensors"
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"  # every metric logged, a line each
        self.tracking = path / "tracking.json"  # the MLflow run, and how much of it was sent
        self.log = path / "log.txt"

    @classmethod
    def of(cls, config: Config, identity: str) -> "RunFolder":
        name = describe(config).replace(" ", "-")
        return cls(Path(config.paths.runs).absolute() / "pretrain" / f"{name}-{identity[:10]}")

    def record(self) -> dict[str, Any] | None:
        """The finished run's record, or None while it isn't finished."""
        return read_json(self.result)


def mlflow_database(config: Config) -> Path:
    """The SQLite file that MLflow runs go to unless `tracking.uri` names a server."""
    return Path(config.paths.runs).absolute() / "mlflow.db"


def tracking_uri(config: Config) -> str:
    return config.tracking.uri or f"sqlite:///{mlflow_database(config)}"


def read_json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    value = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value
