"""What the GPU benchmark measures, the most informative cases first; each returns its figures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from albert_lab.model.configuration import AlbertConfig
from benchmarks.gpu.agreement import agreement
from benchmarks.gpu.lightning_loop import lightning_seconds
from benchmarks.gpu.machine import Machine, Runner, halving, race, timed
from benchmarks.gpu.models import (
    Batch,
    compiled,
    config_of,
    first_micro_batch,
    flops_of,
    made_up_batch,
    ours,
    predicted_memory,
    theirs,
)

Case = Callable[[Machine], dict[str, Any]]
LOSS_TOLERANCE = 0.02  # of two first losses in bf16, relative


def peak(machine: Machine) -> dict[str, Any]:
    """The fastest large product in bf16, TF32 and fp32, in FLOP/s, and a copy in memory, in bytes read and written."""
    size = 8192 if machine.full else 128
    found: dict[str, Any] = {"size": size}
    for name, dtype, precision in (
        ("bf16", torch.bfloat16, "highest"), ("tf32", torch.float32, "high"), ("fp32", torch.float32, "highest"),
    ):  # fmt: skip
        with _products(precision):
            found[f"{name}_flops_per_second"] = 2 * size**3 / _product_seconds(machine, size, dtype)
    source = torch.ones((2**32 if machine.full else 2**16) // 4, device=machine.device)
    target = torch.empty_like(source)
    seconds = min(timed(machine, partial(target.copy_, source), 5) for _ in range(4))
    return found | {"copy_bytes_per_second": 2 * source.nbytes / seconds}


@contextmanager
def _products(precision: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _product_seconds(machine: Machine, size: int, dtype: torch.dtype) -> float:
    a, b = (torch.randn(size, size, device=machine.device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    return min(timed(machine, partial(torch.mm, a, b, out=out), 5) for _ in range(4))


def train(machine: Machine, size: str) -> dict[str, Any]:
    """Steps of full sequences, and their memory beside what `cost` predicts."""
    config = config_of(machine, size, "none" if size == "bert_large" else "all")

    def attempt(micro_batch: int) -> dict[str, Any]:
        batch = made_up_batch(machine, config, micro_batch)
        runner = race(machine, {"ours": lambda: ours(machine, config, batch)})["ours"]
        return _step_figures(machine, config, batch, runner)

    return halving(first_micro_batch(machine, config), attempt, machine)


def sharing(machine: Machine, size: str) -> dict[str, Any]:
    """The same sizes with all layers shared and with none: time, and memory by kind."""
    configs = {scheme: config_of(machine, size, scheme) for scheme in ("all", "none")}

    def attempt(micro_batch: int) -> dict[str, Any]:
        batch = made_up_batch(machine, configs["all"], micro_batch)
        makers = {scheme: partial(ours, machine, config, batch) for scheme, config in configs.items()}
        found = {
            scheme: _step_figures(machine, configs[scheme], batch, runner)
            for scheme, runner in race(machine, makers).items()
        }
        for scheme, config in configs.items():
            found[scheme]["state_bytes"] = predicted_memory(machine, config, micro_batch).state
        return found | {"ratio": found["none"]["seconds"] / found["all"]["seconds"]}

    return halving(first_micro_batch(machine, configs["none"], 32, models=2), attempt, machine)


def against_transformers(machine: Machine, size: str, ragged: bool) -> dict[str, Any]:
    """Ours and transformers' with SDPA: same weights, sequences and optimizer; ours leaves padding out."""
    config = config_of(machine, size)

    def attempt(micro_batch: int) -> dict[str, Any]:
        batch = made_up_batch(machine, config, micro_batch, ragged)
        return _raced(machine, config, batch, {"ours": ours, "transformers": theirs})

    return halving(first_micro_batch(machine, config, 32, models=2), attempt, machine)


def compiling(machine: Machine, micro_batch: int) -> dict[str, Any]:
    """Eager layers, compiled ones, and compiled ones in CUDA graphs; `first_seconds` holds the compiling."""
    config = config_of(machine, "base")
    batch = made_up_batch(machine, config, micro_batch if machine.full else 2)
    makers = {"eager": ours, "compiled": partial(compiled, cuda_graphs=False)}
    if machine.on_gpu:
        makers["cuda_graphs"] = partial(compiled, cuda_graphs=True)
    return {"micro_batch": len(batch["input_ids"])} | _raced(machine, config, batch, makers)


def checkpointing(machine: Machine, size: str) -> dict[str, Any]:
    """Layers whose inputs alone are kept: time and memory."""
    config = config_of(machine, size)

    def attempt(micro_batch: int) -> dict[str, Any]:
        batch = made_up_batch(machine, config, micro_batch)
        found: dict[str, Any] = {}
        for name, recompute in (("kept", False), ("recomputed", True)):
            runner = race(machine, {name: partial(ours, machine, config, batch, recompute)})[name]
            found[name] = _step_figures(machine, config, batch, runner, recompute)
            del runner
            machine.let_go()
        return found | {"ratio": found["recomputed"]["seconds"] / found["kept"]["seconds"]}

    return halving(first_micro_batch(machine, config), attempt, machine)


def framework(machine: Machine) -> dict[str, Any]:
    """The same step in Lightning's loop and in one of a few lines; small batches show the difference most."""
    config, found = config_of(machine, "base"), {}
    for micro_batch in (8, 32) if machine.full else (2,):
        batch = made_up_batch(machine, config, micro_batch)
        runner = race(machine, {"plain": partial(ours, machine, config, batch)})["plain"]
        seconds = lightning_seconds(machine, config, batch, steps=60 if machine.full else 3)
        figures = {"plain": runner.median, "lightning": seconds, "ratio": seconds / runner.median}
        found[f"micro_batch_{micro_batch}"] = figures
    return found


def _raced(machine: Machine, config: AlbertConfig, batch: Batch, makers: dict[str, Any]) -> dict[str, Any]:
    """Contestants on one batch; the first is the one that the others are compared with."""
    runners = race(machine, {name: partial(make, machine, config, batch) for name, make in makers.items()})
    first, losses = runners[next(iter(makers))], [runner.first_loss for runner in runners.values()]
    found: dict[str, Any] = {name: _step_figures(machine, config, batch, runner) for name, runner in runners.items()}
    found["ratios"] = {name: runner.median / first.median for name, runner in runners.items() if runner is not first}
    difference = (max(losses) - min(losses)) / abs(first.first_loss)
    found["loss_difference"], found["losses_agree"] = difference, difference < LOSS_TOLERANCE
    return found


def _step_figures(
    machine: Machine, config: AlbertConfig, batch: Batch, runner: Runner, recompute: bool = False
) -> dict[str, Any]:
    speed, tokens = flops_of(config, batch) / runner.median, int(batch["attention_mask"].sum())
    datasheet, product = machine.datasheet_peak(), machine.peaks.get("bf16_flops_per_second")
    predicted = predicted_memory(machine, config, len(batch["input_ids"]), recompute)
    return runner.figures() | {
        "tokens_per_second": tokens / runner.median,
        "fill": tokens / batch["attention_mask"].numel(),
        "flops_per_second": speed,
        "mfu": speed / datasheet if datasheet else None,
        "share_of_product": speed / product if product else None,
        "predicted_peak_bytes": predicted.peak if tokens == batch["attention_mask"].numel() else None,
    }


CASES: dict[str, Case] = {
    "peak": peak,
    "train base": partial(train, size="base"),
    "agreement": agreement,
    "train xxlarge": partial(train, size="xxlarge"),
    "transformers base": partial(against_transformers, size="base", ragged=False),
    "transformers base, ragged": partial(against_transformers, size="base", ragged=True),
    "train large": partial(train, size="large"),
    "train xlarge": partial(train, size="xlarge"),
    "train bert_large": partial(train, size="bert_large"),
    "sharing base": partial(sharing, size="base"),
    "compile base, 8": partial(compiling, micro_batch=8),
    "transformers large": partial(against_transformers, size="large", ragged=False),
    "transformers large, ragged": partial(against_transformers, size="large", ragged=True),
    "sharing large": partial(sharing, size="large"),
    "checkpointing xlarge": partial(checkpointing, size="xlarge"),
    "lightning base": framework,
    "compile base, 64": partial(compiling, micro_batch=64),
}
