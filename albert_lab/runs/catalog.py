"""Every run under `paths.runs` as its folder alone describes it: how it ended, its settings, its figures.

Reads no log and no MLflow and imports neither torch nor pandas: a thousand runs take about a second.
"""

import json
import math
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from albert_lab.config.plain import flatten_plain
from albert_lab.config.schema import RUN_CONFIGS, FinetuneConfig
from albert_lab.errors import UserError, first_line, list_some, nearest
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.metrics import metrics_from_plain
from albert_lab.runs.record import SECTIONS
from albert_lab.storage.files import read_bytes, read_object
from albert_lab.storage.locks import is_held

TAIL_BYTES = 65536  # of `metrics.jsonl`: more than its last line has


class State(Enum):
    finished = "finished"
    running = "running"  # a living process holds its lock
    stopped = "stopped"  # or killed: the same command goes on with it
    failed = "failed"
    damaged = "damaged"  # nothing can be said of it


@dataclass(frozen=True)
class CatalogRun:
    """One run. What is not known is None or missing."""

    folder: RunFolder
    state: State
    reason: str = ""  # why it failed, or what is damaged
    settings: Mapping[str, Any] = field(default_factory=dict)  # by key on the command line
    record: Mapping[str, Any] | None = None  # of a finished one
    started: datetime | None = None  # of an unfinished one: its last attempt
    steps: int = 0  # done; of a run that does not run now: those that resuming keeps
    total_steps: int | None = None  # None: its budget is a time

    @property
    def name(self) -> str:
        return self.folder.path.name

    @property
    def verb(self) -> str:
        return self.folder.path.parent.name

    @property
    def description(self) -> str:
        """The state with the progress of an unfinished run: `stopped 20/40`."""
        if self.state in (State.finished, State.damaged) or not (self.steps or self.total_steps):
            return self.state.value
        total = "" if self.total_steps is None else f"/{self.total_steps}"
        return f"{self.state.value} {self.steps}{total}"

    def row(self) -> dict[str, Any]:
        """Settings by dotted name, figures by section and name: what `report.frames` makes of a finished run."""
        record = self.record or {}
        figures = {
            f"{section}/{name}": value
            for section in SECTIONS
            for name, value in record.get(section, {}).items()
            if value is not None
        }
        task = record.get("task") or ("pretraining" if self.verb == "pretrain" else self.settings.get("task.name"))
        metrics = metrics_from_plain(record.get("metrics", []))
        return {"name": self.name, "task": task, "metrics": metrics, "started": self.started, **self.settings} | figures


def list_runs(runs: Path) -> list[CatalogRun]:
    """Every run of every verb under `paths.runs`, newest first; what can't be read is listed as damaged."""
    folders = [path for verb in RUN_CONFIGS for path in sorted(runs.absolute().glob(f"{verb}/*"))]
    found = [read_run(path) for path in folders]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda run: run.started or oldest, reverse=True)


def read_run(path: Path) -> CatalogRun:
    """What a run's folder says; never raises for what is in it."""
    folder = RunFolder(path)
    try:
        if not path.is_dir():
            return CatalogRun(folder, State.damaged, "a file where only folders of runs belong")
        if folder.result.exists():
            return _read_finished(folder)
        return _read_unfinished(folder)
    except (UserError, OSError) as error:
        return CatalogRun(folder, State.damaged, first_line(error).replace(f"{path}/", ""))


def _read_finished(folder: RunFolder) -> CatalogRun:
    record = read_object(folder.result)
    try:
        metrics_from_plain(record.get("metrics", []))
        started = datetime.fromisoformat(record["started"])
        settings = flatten_plain(record["config"])
        steps = int(record["training"]["steps"])
        for section in SECTIONS:
            dict(record[section])
    except KeyError as error:
        raise UserError(f"result.json lacks {error.args[0]!r}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"result.json is not a run's record: {first_line(error)}") from None
    started = started if started.tzinfo else started.replace(tzinfo=UTC)
    return CatalogRun(folder, State.finished, "", settings, record, started, steps, steps)


def _read_unfinished(folder: RunFolder) -> CatalogRun:
    if is_held(folder.path / "run"):
        state, reason = State.running, ""
    elif folder.failure.exists():
        state, reason = State.failed, first_line(folder.failure.read_text(encoding="utf-8", errors="replace"))
    else:
        state, reason = State.stopped, ""
    settings = _read_settings(folder.config)
    started = datetime.fromtimestamp(folder.config.stat().st_mtime, UTC)
    steps = last_step(folder) if state is State.running else _saved_step(folder)
    return CatalogRun(folder, state, reason, settings, None, started, steps, count_steps(settings))


def _read_settings(file: Path) -> dict[str, Any]:
    if not os.path.lexists(file):
        raise UserError("no config.yaml")
    try:
        values = yaml.load(read_bytes(file).decode("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except UserError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"config.yaml can't be read: {first_line(error)}") from None
    if not isinstance(values, dict):
        raise UserError("config.yaml holds no settings")
    return {key: _to_number(value) for key, value in flatten_plain(values).items()}


def _to_number(value: Any) -> Any:
    """YAML 1.1 takes `1e-05` for text; our own files write it for numbers."""
    try:
        return float(value) if isinstance(value, str) and value[:1].isdigit() and "e" in value else value
    except ValueError:
        return value


def count_steps(settings: Mapping[str, Any]) -> int | None:
    """The steps of a run's budget; None where it is a time, or tokens of a length that only the checkpoint knows."""
    tokens, steps = settings.get("train.budget.tokens"), settings.get("train.budget.steps")
    length = settings.get("objective.max_seq_length") or settings.get("task.max_seq_length")
    if isinstance(tokens, int) and isinstance(length, int) and isinstance(settings.get("train.batch_size"), int):
        return math.ceil(tokens / (settings["train.batch_size"] * length))
    return steps if isinstance(steps, int) else None


def _saved_step(folder: RunFolder) -> int:
    """The step of the newest checkpoint, 0 where there is none."""
    names = [path.name.removeprefix("step-") for path in folder.checkpoints.glob("step-*")]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def last_step(folder: RunFolder) -> int:
    """The last step that was logged."""
    try:
        if not folder.metrics.is_file():
            return 0
        with open(folder.metrics, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return 0
    return max((line["step"] for line in map(_read_line, lines[-3:]) if line), default=0)


def read_history(folder: RunFolder) -> dict[str, list[tuple[int, float]]]:
    """Every metric that the run logged: its steps and values. Lines that are damaged or half written are left out."""
    history: dict[str, list[tuple[int, float]]] = {}
    if folder.metrics.is_file():
        for line in map(_read_line, folder.metrics.read_bytes().splitlines()):
            for name, value in (line or {}).get("metrics", {}).items():
                if isinstance(value, (int, float)):
                    history.setdefault(name, []).append((line["step"], float(value)))
    return history


def _read_line(line: bytes) -> Any:
    """A line of `metrics.jsonl`, or None where it is not a whole one."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_whole = isinstance(value, dict) and isinstance(value.get("step"), int) and isinstance(value.get("metrics"), dict)
    return value if is_whole else None


def find_run(word: str, runs: Path) -> CatalogRun:
    """The run that a user means by a folder, its name with or without fingerprint, or the beginning of either.

    Raises:
        UserError: no run, or several runs, answer to it.
    """
    path = Path(word).absolute()
    if path.is_dir() and any((path / name).exists() for name in ("config.yaml", "result.json", "run.lock")):
        return read_run(path)
    folders = {path.name: path for verb in RUN_CONFIGS for path in sorted(runs.absolute().glob(f"{verb}/*"))}
    if not folders:
        raise UserError(f"no run {word!r}: paths.runs={runs} holds none; `albert-lab pretrain scale=smoke` makes one")
    wanted = Path(word).name.replace(" ", "-")
    ways: tuple[Callable[[str], bool], ...] = (
        lambda name: name == wanted,
        lambda name: split_name(name)[0] == wanted,
        lambda name: name.startswith(wanted),
        lambda name: split_name(name)[1].startswith(wanted),
    )
    found = next((names for way in ways if (names := [name for name in folders if way(name)])), [])
    if not wanted or not found:
        known = {split_name(name)[0] for name in folders}
        raise UserError(
            f"no run {word!r} under paths.runs={runs}{nearest(wanted, known) or '; `albert-lab runs` lists them'}"
        )
    if len(found) > 1:
        raise UserError(f"{word!r} may be any of {len(found)} runs: {list_some(shorten_names(found).values())}")
    return read_run(folders[found[0]])


def load_finetuned(folder: Path) -> FinetuneConfig:
    """The settings of a finished fine-tuned run. Raises: UserError where `folder` is anything else."""
    from albert_lab.config.compose import load

    run, needed = read_run(folder), "predict needs a finished run of `albert-lab finetune`"
    if run.state is State.damaged:
        raise UserError(f"checkpoint={folder}: {run.reason}; {needed}")
    config = load(run.folder.config)
    if not isinstance(config, FinetuneConfig):
        raise UserError(f"checkpoint={folder} is of `albert-lab {config.verb}`; {needed}: train it on a task first")
    if run.state is not State.finished:
        raise UserError(
            f"checkpoint={folder} is {run.description}; {needed}: the command that began it goes on with it"
        )
    return config


def split_name(name: str) -> tuple[str, str]:
    """A folder's name as the readable part and the fingerprint, which is empty where there is none."""
    readable, _, fingerprint = name.rpartition("-")
    return (readable, fingerprint) if re.fullmatch("[0-9a-f]{10}", fingerprint) else (name, "")


def shorten_names(names: Collection[str]) -> dict[str, str]:
    """The shortest name to type for each run: as much of the fingerprint as tells it from its namesakes."""
    namesakes: dict[str, list[str]] = {}
    for name in names:
        namesakes.setdefault(split_name(name)[0], []).append(split_name(name)[1])
    digits = {
        readable: next(
            n for n in (0, *range(4, 11)) if len({f[:n] for f in fingerprints}) == len(fingerprints) or n == 10
        )
        for readable, fingerprints in namesakes.items()
    }
    parts = {name: split_name(name) for name in names}
    return {name: f"{readable}-{f[: digits[readable]]}".rstrip("-") for name, (readable, f) in parts.items()}
