"""Eager layers against those that `trainer.compile=true` makes, on the CPU: `python -m benchmarks.compiled [--bf16]`.

Pre-training steps of ALBERT-base, 8 x 128, without padding (whole layers are compiled) and with a fifth of padding,
which is left out (attention isn't compiled then). Interleaved; medians of the process's CPU time, which other
processes' load disturbs less. One thread.
"""

import argparse
import json
import statistics
import time
from typing import Any

import torch
from torch import Tensor

from albert_lab.config.training import OptimizerConfig
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers.linear import find_fastest_matrix_library, use_matrix_library
from albert_lab.train.optim.optimizers import make_optimizer
from albert_lab.train.tasks.scores import score

BASE: dict[str, Any] = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    use_matrix_library(find_fastest_matrix_library()[0])
    found = {
        name: compared(BASE, batch_of(8, 128, 30000, padding), asked.rounds, asked.bf16)
        for name, padding in (("no padding", 0), ("a fifth of padding", 5))
    }
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for name, seconds in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in seconds.items()))


def compared(sizes: dict[str, Any], batch: dict[str, Tensor], rounds: int, low: bool) -> dict[str, float]:
    """CPU seconds of a step of both, of the compiled one's first step, and the losses' difference."""
    steps = {name: _Step(sizes, batch, low, name == "compiled") for name in ("eager", "compiled")}
    first = {name: step.seconds() for name, step in steps.items()}
    difference = abs(steps["eager"].loss - steps["compiled"].loss)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            seconds[name].append(step.seconds())
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    ratio = medians["eager"] / medians["compiled"]
    return medians | {"ratio": ratio, "first_step": first["compiled"], "loss_difference": difference}


class _Step:
    """One model and its steps."""

    def __init__(self, sizes: dict[str, Any], batch: dict[str, Tensor], low: bool, compiled: bool) -> None:
        torch.manual_seed(0)
        self.model, self.batch, self.low = AlbertForPreTraining(AlbertConfig(**sizes, remove_padding=True)), batch, low
        self.optimizer = make_optimizer(self.model, OptimizerConfig(learning_rate=1e-5), partitioned=False)
        self.loss = 0.0
        if compiled:
            self.model.albert.encoder.compile_layers()

    def seconds(self) -> float:
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            scores = score(self.model, self.batch)
            count, size = len(self.batch["masked_labels"]), len(self.batch["input_ids"])
            loss = scores.mlm_loss / count + scores.sentence_loss / size
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.loss = loss.item()
        return time.process_time() - start


def batch_of(size: int, length: int, vocabulary: int, padding: int) -> dict[str, Tensor]:
    """Made-up sequences; with `padding` p a p-th of the places is padding, unevenly; 0: none."""
    torch.manual_seed(0)
    lengths = torch.full((size,), length)
    if padding:
        lengths -= torch.linspace(0, 2 * length / padding, size).long()
    mask = torch.arange(length) < lengths[:, None]
    places = mask.flatten().nonzero().squeeze(1)[::7]
    return {
        "input_ids": torch.randint(5, vocabulary, mask.shape) * mask,
        "attention_mask": mask,
        "token_type_ids": torch.zeros(mask.shape, dtype=torch.long),
        "masked_positions": places,
        "masked_labels": torch.randint(5, vocabulary, places.shape),
        "sentence_labels": torch.arange(size) % 2,
    }


if __name__ == "__main__":
    main()
