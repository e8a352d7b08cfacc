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
NEIGHBOURS = 5  # runs nearest in size that count
ALIKE = 3.0  # times larger or smaller, in FLOPs per token and in FLOPs per step, a run may be to count
LONG_ENOUGH_STEPS = 50  # timed after warm-up; a run of scale=smoke has 35
LONG_ENOUGH_SECONDS = 5.0  # of those steps together
MARGIN, MARGIN_OF_ONE = 1.2, 1.5  # that the range of several runs, or the speed of a single one, is widened by
WARMUP_STEPS = 5  # that a record of before `timed_steps` doesn't time


@dataclass(frozen=True)
class History:
    """None where no run is alike enough."""

    flops_per_second: float | None = None  # of full sequences, over all devices, as trained: padding left out pays here
    slowest: float | None = None  # the same unit: what may be expected on a machine as busy as it was
    fastest: float | None = None  # on one that does nothing else
    speed_runs: tuple[str, ...] = ()  # the names of the runs behind the speed, nearest in size first
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
    positions = config.train.batch_size * config.objective.max_seq_length
    telling = [r for r in alike if _is_long_enough(r) and _is_of_like_size(r, flops_per_token, positions)]
    near = sorted(telling, key=lambda record: (_distance(record, flops_per_token), record["name"]))[:NEIGHBOURS]
    rates = [_rate(record) for record in near]
    margin = MARGIN if len(rates) > 1 else MARGIN_OF_ONE
    fills = [_fill(record) for record in records if _same_text(record, config.objective, config.data)]
    floors = [record["memory_bytes"]["floor"] for record in alike if record["memory_bytes"].get("floor")]
    return History(
        _median(rates),
        min(rates) / margin if rates else None,
        max(_rate(record) * _gain_when_quiet(record) for record in near) * margin if near else None,
        tuple(record["name"] for record in near),
        _median(fills),
        len(fills),
        _median(floors),
    )


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


def _is_long_enough(record: Record) -> bool:
    """Whether its speed is that of enough steps and seconds to tell anything."""
    seconds = record["speed"].get("step_seconds")
    steps = record["speed"].get("timed_steps", max(0, record["training"]["steps"] - WARMUP_STEPS))
    return bool(seconds) and steps >= LONG_ENOUGH_STEPS and steps * seconds >= LONG_ENOUGH_SECONDS


def _is_of_like_size(record: Record, flops_per_token: float, positions: int) -> bool:
    """What a step costs besides arithmetic weighs more in a small one: neither token nor step may differ much."""
    token = _distance(record, flops_per_token)
    step = abs(math.log(_positions(record) * record["flops_per_token"]["training"] / (positions * flops_per_token)))
    return max(token, step) <= math.log(ALIKE)


def _gain_when_quiet(record: Record) -> float:
    """How many times faster the run would have been, had other programs left its cores to it."""
    others, cores = record["speed"].get("others_mean"), record["host"].get("cores")
    if record["host"].get("gpu") or others is None or not cores:
        return 1.0
    wanted = min(1.0, (record["host"].get("threads") or cores) * record["config"]["trainer"]["devices"] / cores)
    return float(max(1.0, wanted / max(0.1, 1.0 - others)))


def _positions(record: Record) -> int:
    """Of one step, were every sequence full."""
    return int(record["config"]["train"]["batch_size"] * record["config"]["objective"]["max_seq_length"])


def _rate(record: Record) -> float:
    return float(_positions(record) * record["flops_per_token"]["training"] / record["speed"]["step_seconds"])


def _fill(record: Record) -> float:
    return float(record["training"]["tokens"] / (record["training"]["steps"] * _positions(record)))


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
