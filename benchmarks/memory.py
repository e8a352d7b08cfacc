"""Predicted against measured memory of a training step: `python -m benchmarks.memory [--json] [--threads 1]`.

Each case is a process of its own that trains a few steps on the CPU, with the model, loss, clipping and optimizer of a
run; its peak resident memory above what it held before the model is set against `albert-lab cost`'s arithmetic. The
batch is made up: full sequences but for one, so that padding is left out as in a run.

Each case runs twice: with glibc's malloc giving freed blocks back (`MALLOC_MMAP_THRESHOLD_`), which is what the step
itself needs, and as it is by default, where it keeps and fragments blocks of up to 32 MB.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from albert_lab.config.training import OptimizerConfig, OptimizerName
from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.cost.memory.step import Pass, predict_step_memory
from albert_lab.model.layer_map import make_layer_map

STEPS = 3
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}  # bytes from which a block is the system's, and fixed there


class Case(NamedTuple):
    """A model, a batch and how they are trained."""

    model: dict[str, Any]
    scheme: str
    sequences: int
    length: int
    low: bool = False
    recompute: bool = False
    lamb: bool = False


MINI = {
    "embedding_size": 64,
    "hidden_size": 384,
    "num_attention_heads": 6,
    "intermediate_size": 1536,
    "vocab_size": 16000,
}
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
CASES = {
    "mini, all shared, 8 x 128": Case(MINI, "all", 8, 128),
    "mini, all shared, 32 x 128": Case(MINI, "all", 32, 128),
    "base, all shared, 8 x 128": Case({}, "all", 8, 128),
    "base, not shared, 8 x 128, LAMB": Case({}, "none", 8, 128, lamb=True),
    "base, not shared, 8 x 128, bf16": Case({}, "none", 8, 128, low=True),
    "base, all shared, 4 x 512, checkpointing": Case({}, "all", 4, 512, recompute=True),
    "large, all shared, 4 x 128": Case(LARGE, "all", 4, 128),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--case", help="measure this one here and print its bytes")
    arguments = parser.parse_args()
    if arguments.case:
        print(measured(CASES[arguments.case]))
        return
    found = [compared(name, arguments.threads) for name in CASES]
    print(json.dumps(found, indent=2) if arguments.json else table(found))


def compared(name: str, threads: int = 1) -> dict[str, Any]:
    """Bytes above the floor, by arithmetic and in a process of its own."""
    limits = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return {
        "case": name,
        "predicted": predicted(CASES[name]),
        "measured": in_a_process(name, limits | GIVES_BACK),
        "measured_by_default": in_a_process(name, limits),
    }


def in_a_process(name: str, environment: dict[str, str]) -> int:
    command = [sys.executable, __file__, "--case", name]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def predicted(case: Case) -> int:
    config, work, optimizer = ModelConfig(**case.model), work_of(case), optimizer_of(case)
    return predict_step_memory(
        config, make_layer_map(SharingConfig(case.scheme), config.num_hidden_layers), work, optimizer
    ).peak


def work_of(case: Case) -> Pass:
    positions = case.sequences * case.length
    masked, real = round(0.15 * positions), positions - case.length // 4
    return Pass(case.sequences, case.length, masked, real, low=case.low, recompute=case.recompute)


def optimizer_of(case: Case) -> OptimizerConfig:
    return OptimizerConfig(name=OptimizerName.lamb if case.lamb else OptimizerName.adamw)


def measured(case: Case) -> int:
    """The peak of some steps in this process, without what it held before the model existed."""
    train(Case(MINI | {"num_hidden_layers": 1, "vocab_size": 100}, "all", 2, 16, case.low, case.recompute, case.lamb))
    floor = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on
    train(case)
    return resident("VmHWM") - floor


def train(case: Case) -> None:
    import torch

    from albert_lab.model.configuration import AlbertConfig
    from albert_lab.model.torch.albert import AlbertForPreTraining
    from albert_lab.train.optim.optimizers import make_optimizer
    from albert_lab.train.tasks.scores import score
    from tests.cost.training import made_up_batch

    config = ModelConfig(**case.model)
    layer_map = make_layer_map(SharingConfig(case.scheme), config.num_hidden_layers)
    model = AlbertForPreTraining(AlbertConfig.of(config, layer_map, remove_padding=True))
    if case.recompute:
        model.gradient_checkpointing_enable()
    optimizer = make_optimizer(model, optimizer_of(case), partitioned=False)
    batch = made_up_batch(work_of(case), config.vocab_size)
    for _ in range(STEPS):
        with torch.autocast("cpu", torch.bfloat16) if case.low else nullcontext():
            scores = score(model, batch)
            loss = scores.mlm_loss + scores.sentence_loss
        del scores
        optimizer.zero_grad()  # Lightning drops the last gradients between the passes
        loss.backward()
        del loss
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def resident(key: str) -> int:
    """Bytes, from the kernel's account of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def table(found: list[dict[str, Any]]) -> str:
    lines = [f"{'MB above the floor':42}{'predicted':>10}{'measured':>10}{'error':>8}{'by default':>12}{'error':>8}"]
    for row in found:
        text = f"{row['case']:42}{row['predicted'] / 1e6:10.1f}"
        for key, width in (("measured", 10), ("measured_by_default", 12)):
            text += f"{row[key] / 1e6:{width}.1f}{row['predicted'] / row[key] - 1:8.1%}"
        lines.append(text)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
