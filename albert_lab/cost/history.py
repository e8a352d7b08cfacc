"""What past runs on this machine say about the next one: its speed, its real tokens, the floor of its memory."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from albert_lab.config.schema import DeviceKind, HardwareConfig, PretrainConfig, TrainerConfig
from albert_lab.config.training import DataConfig, ObjectiveConfig, Precision
from albert_lab.runs import machine
from albert_lab.runs.folder import list_finished_runs

Record = Mapping[str, Any]
SECTIONS = {"host", "speed", "config", "flops_per_token", "memory_bytes", "training"}  # that a record must have
NEIGHBOURS = 3  # runs nearest in size whose median counts
ALIKE = 10.0  # times larger or smaller, in FLOPs per token, a run may be to count


@dataclass(frozen=True)
class History:
    """None where no run is alike enough."""

    flops_per_second: float | None = None  # of full sequences, over all devices, as trained: padding left out pays here
    speed_runs: int = 0
    real_tokens: float | None = None  # share of a full batch's positions
    fill_runs: int = 0
    floor_bytes: float | None = None


def read_history(config: PretrainConfig, hardware: HardwareConfig, flops_per_token: float) -> History:
    """What the finished runs of the same task under `paths.runs` say about this configuration.

    Args:
        flops_per_token: training FLOPs of the configuration, to find runs of its size.
    """
    if hardware.name is None or not hardware.name.startswith("this machine"):
        return History()
    gpu = machine.gpu_name() if hardware.kind is DeviceKind.gpu else None
    records = [r for r in _records(Path(config.paths.runs), config.task_name) if _same_device(r, gpu)]
    alike = [record for record in records if _same_speed_settings(record, config.train.precision, config.trainer)]
    near = sorted(
        (_distance(record, flops_per_token), record["name"], _rate(record)) for record in alike if _rate(record)
    )
    rates = [rate for distance, _, rate in near[:NEIGHBOURS] if distance <= math.log(ALIKE) and rate]
    fills = [_fill(record) for record in records if _same_text(record, config.objective, config.data)]
    floors = [record["memory_bytes"]["floor"] for record in alike if record["memory_bytes"].get("floor")]
    return History(_median(rates), len(rates), _median(fills), len(fills), _median(floors))


def _records(runs: Path, task: str) -> Iterable[Record]:
    for folder in list_finished_runs(runs):
        try:
            record = folder.record()
        except ValueError:
            continue  # not a record
        if record and record.get("task", "pretraining") == task and set(record) >= SECTIONS:
            yield record


def _same_device(record: Record, gpu: str | None) -> bool:
    """Whether a run was made on this machine's GPU of that name, or without one on its CPU."""
    host = record["host"]
    if gpu or host.get("gpu"):
        return bool(host.get("gpu") == gpu)
    return (host.get("cpu"), host.get("cores")) == (machine.cpu_name(), machine.usable_cores())


def _same_speed_settings(record: Record, precision: Precision, ours: TrainerConfig) -> bool:
    theirs = record["config"]["trainer"]
    return (
        record["config"]["train"]["precision"] == precision.name
        and theirs["devices"] == ours.devices
        and theirs.get("threads") == ours.threads
        and theirs.get("gradient_checkpointing", False) == ours.gradient_checkpointing
        and theirs.get("compile", False) == ours.compile
    )


def _same_text(record: Record, objective: ObjectiveConfig, data: DataConfig) -> bool:
    theirs = record["config"]
    same_length = theirs["objective"]["max_seq_length"] == objective.max_seq_length
    same_pairs = theirs["objective"]["short_seq_prob"] == objective.short_seq_prob
    same_corpus = (theirs["data"]["corpus"], theirs["data"]["files"]) == (data.corpus, data.files)
    return same_length and same_pairs and same_corpus and bool(record["training"]["steps"])


def _distance(record: Record, flops_per_token: float) -> float:
    return abs(math.log(record["flops_per_token"]["training"] / flops_per_token))


def _positions(record: Record) -> int:
    """Of one step, were every sequence full."""
    return int(record["config"]["train"]["batch_size"] * record["config"]["objective"]["max_seq_length"])


def _rate(record: Record) -> float | None:
    seconds = record["speed"].get("step_seconds")
    return _positions(record) * record["flops_per_token"]["training"] / seconds if seconds else None


def _fill(record: Record) -> float:
    return float(record["training"]["tokens"] / (record["training"]["steps"] * _positions(record)))


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
