"""A run's folder: where it lies, and the files in it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_lab.config.schema import PathsConfig, RunConfig, TrackingConfig
from albert_lab.errors import UserError
from albert_lab.runs.check_record import check_record
from albert_lab.runs.identity import describe
from albert_lab.storage.files import read_json
from albert_lab.storage.locks import lock


class RunFolder:
    """`<paths.runs>/<verb>/<name>-<fingerprint>/` and the files in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"  # resolved
        self.result = path / "result.json"  # the record; there only when the run is finished
        self.weights = path / "model.safetensors"  # with config.json: a checkpoint that `from_pretrained` reads
        self.checkpoints = path / "checkpoints"
        self.best = path / "best.safetensors"  # while it runs: the weights of the best validation so far
        self.predictions = path / "predictions"  # of a fine-tuned run: the answers to the held-out examples
        self.metrics = path / "metrics.jsonl"  # every metric logged, a line each
        self.tracking = path / "tracking.json"  # the MLflow run, and how much of it was sent
        self.log = path / "log.txt"
        self.failure = path / "failure.txt"  # why the last attempt failed; the next one deletes it

    @classmethod
    def of(cls, config: RunConfig, fingerprint: str) -> "RunFolder":
        name = describe(config).replace(" ", "-")
        return cls(Path(config.paths.runs).absolute() / config.verb / f"{name}-{fingerprint[:10]}")

    def record(self) -> dict[str, Any] | None:
        """The finished run's record, or None while it isn't finished.

        Raises: UserError for a damaged one.
        """
        record = read_json(self.result)
        if record is not None:
            check_record(record, self.result)
        return record


def list_finished_runs(runs: Path) -> Iterator[RunFolder]:
    """The folders of all finished runs under `paths.runs`, whatever their verb."""
    for file in sorted(runs.glob("*/*/result.json")):
        yield RunFolder(file.parent)


def move_aside(folder: RunFolder, where: Path) -> Path:
    """Moves a run to `<where>/<verb>/<name>` in one step, to where no run is looked for; waits while it is running.

    Returns the new path, with a number where that name is taken.
    """
    place = where.absolute() / folder.path.parent.name
    place.mkdir(parents=True, exist_ok=True)
    with lock(folder.path / "run", f"run {folder.path.name}"):
        names = itertools.chain([folder.path.name], (f"{folder.path.name}.{number}" for number in itertools.count(2)))
        aside = next(place / name for name in names if not (place / name).exists())
        return folder.path.rename(aside)


def mlflow_database(paths: PathsConfig) -> Path:
    """The SQLite file that MLflow runs go to unless `tracking.uri` names a server."""
    return Path(paths.runs).absolute() / "mlflow.db"


def tracking_uri(tracking: TrackingConfig, paths: PathsConfig) -> str:
    return tracking.uri or f"sqlite:///{mlflow_database(paths)}"


def check_runs_exist(tracking: TrackingConfig, paths: PathsConfig) -> None:
    """Raises UserError where no run has been tracked yet."""
    if not tracking.uri and not mlflow_database(paths).exists():
        raise UserError(f"no runs under paths.runs={paths.runs} yet; `albert-lab pretrain scale=smoke` makes one")
