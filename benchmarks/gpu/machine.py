"""The machine under test: what it is called, its clock and memory, and how a step is timed."""

import gc
import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

HARDWARE = Path(__file__).parents[2] / "conf" / "hardware"
Step = Callable[[], Tensor]  # runs one step and returns its loss, still on the device


@dataclass
class Machine:
    """A device, how large the work on it is, and its peaks in FLOP/s: null where unknown."""

    device: torch.device
    full: bool  # else tiny: a test of the benchmark itself
    peaks: dict[str, float | None] = field(default_factory=dict)  # of `cases.peak`: measured ones

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.on_gpu else "cpu"

    def wait(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.on_gpu else 0

    def memory_bytes(self) -> int | None:
        return torch.cuda.get_device_properties(self.device).total_memory if self.on_gpu else None

    def let_go(self) -> None:
        """Gives back what earlier cases held."""
        gc.collect()
        torch.compiler.reset()
        if self.on_gpu:
            torch.cuda.empty_cache()

    def describe(self) -> dict[str, Any]:
        """Date, device and versions."""
        found: dict[str, Any] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": self.name,
            "scale": "full" if self.full else "tiny",
            "memory_bytes": self.memory_bytes(),
            "datasheet_bf16_flops_per_second": self.datasheet_peak(),
            "cuda": torch.version.cuda,
            "driver": _driver(),
        }
        return found | {library: _version(library) for library in ("torch", "lightning", "transformers")}

    def datasheet_peak(self) -> float | None:
        """Dense bf16 FLOP/s of the entry of `conf/hardware` that fits the device's name; null without one, or YAML."""
        try:
            import yaml
        except ImportError:
            return None
        for file in sorted(HARDWARE.glob("*.yaml")):
            entry = yaml.safe_load(file.read_text(encoding="utf-8"))
            if entry.get("matches") and re.search(entry["matches"], self.name):
                return float(entry["bf16_flops_per_second"])
        return None


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _driver(file: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    found = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", file.read_text(encoding="utf-8")) if file.exists() else None
    return found[1] if found else None


@dataclass
class Runner:
    """One contestant of a race: its step, and what its first steps told."""

    step: Step
    first_seconds: float  # compiling included
    first_loss: float
    peak_bytes: int | None  # above what the process held before it was made; null on a CPU
    seconds: list[float] = field(default_factory=list)  # a step, by round

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def figures(self) -> dict[str, Any]:
        return {
            "seconds": self.median,
            "slowest_round": max(self.seconds),
            "first_seconds": self.first_seconds,
            "first_loss": self.first_loss,
            "peak_bytes": self.peak_bytes,
        }


def entered(machine: Machine, make: Callable[[], Step]) -> Runner:
    """Makes a contestant and runs its first two steps, after which nothing new is allocated."""
    floor = machine.allocated()
    if machine.on_gpu:
        torch.cuda.reset_peak_memory_stats(machine.device)
    step = make()
    start = time.perf_counter()
    loss = step().item()
    first = time.perf_counter() - start
    step()
    machine.wait()
    peak = torch.cuda.max_memory_allocated(machine.device) - floor if machine.on_gpu else None
    return Runner(step, first, loss, peak)


def race(machine: Machine, makers: Mapping[str, Callable[[], Step]]) -> dict[str, Runner]:
    """Rounds of all contestants in turn; a round is as many steps as take about a quarter of a second."""
    rounds, target = (7, 0.25) if machine.full else (2, 0.0)
    runners = {name: entered(machine, make) for name, make in makers.items()}
    for runner in runners.values():
        timed(machine, runner.step, 1)
    steps = {name: max(1, round(target / timed(machine, runner.step, 1))) for name, runner in runners.items()}
    for _ in range(rounds):
        for name, runner in runners.items():
            runner.seconds.append(timed(machine, runner.step, steps[name]))
    return runners


def timed(machine: Machine, call: Callable[[], Any], times: int) -> float:
    """Mean seconds of a call; the device is idle before and after, and busy with all of them in between."""
    machine.wait()
    start = time.perf_counter()
    for _ in range(times):
        call()
    machine.wait()
    return (time.perf_counter() - start) / times


def halving(first: int, attempt: Callable[[int], dict[str, Any]], machine: Machine) -> dict[str, Any]:
    """What `attempt` finds with the largest micro-batch that fits, from `first` down by halves."""
    size = first
    while True:
        try:
            return {"micro_batch": size, **attempt(size)}
        except torch.OutOfMemoryError:
            if size == 1:
                raise
        size //= 2  # out of the handler, whose traceback would hold the tensors
        machine.let_go()
