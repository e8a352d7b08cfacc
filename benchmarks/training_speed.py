"""Steps side by side with transformers: `python -m benchmarks.training_speed [--case pretrain-128] [--bf16] [--json]`.

ALBERT-base, the same weights, the same sequences, the same optimizer (fused AdamW), in one process; rounds are
interleaved and medians count. transformers runs with eager and with SDPA attention, and the better of the two is the
peer. The losses of all are compared. FLOP/s count real tokens only, whoever computes more; the share is of the fastest
matrix product measured in the same run.

Cases: pretrain-128, pretrain-512 (real lengths: pairs of the docstrings corpus as the lab cuts them, padded to the
longest allowed for transformers), full-128 (no padding), finetune-longest and finetune-128 (short sentences, padded
to the longest of the batch, and to 128), infer-longest (the same sentences, no gradients).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from albert_lab import AlbertConfig, AlbertForPreTraining, AlbertForSequenceClassification
from albert_lab.cost.counts.flops import count_flops
from albert_lab.model.torch.layers.linear import find_fastest_matrix_library, use_matrix_library
from albert_lab.train.tasks.scores import score
from tests.lab import composed

BASE = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
VOCABULARY = 30000
CASES = ("pretrain-128", "pretrain-512", "full-128", "finetune-longest", "finetune-128", "infer-longest")
Step = Callable[[], float]  # runs one step and returns its loss


@dataclass
class Case:
    """A step of ours and of transformers', and the FLOPs that its real tokens need."""

    steps: dict[str, Step]
    flops: float
    tokens: int  # real ones
    fill: float  # share of places that are real tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16 on both sides")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    kernel, speeds = find_fastest_matrix_library()
    use_matrix_library(kernel)
    peak = measured_peak(torch.bfloat16 if asked.bf16 else torch.float32)
    found = {
        "threads": asked.threads,
        "precision": "bf16" if asked.bf16 else "fp32",
        "kernel": kernel,
        "kernel_gflops": {name: round(speed) for name, speed in speeds.items()},
        "peak_gflops": round(peak / 1e9),
        "torch": torch.__version__,
        "cases": {name: _race(make_case(name), asked.bf16, asked.rounds, peak) for name in asked.case},
    }
    print(json.dumps(found, indent=2) if asked.json else _table(found))


def measured_peak(dtype: torch.dtype) -> float:
    """FLOP/s of the fastest large matrix product that this machine was seen to do."""
    from albert_lab.model.torch.layers.linear import linear

    x, weight = torch.randn(1024, 3072, dtype=dtype), torch.randn(3072, 3072, dtype=dtype)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        linear(x, weight)
        times.append(time.perf_counter() - start)
    return 2 * 1024 * 3072 * 3072 / min(times)


def _race(case: Case, bf16: bool, rounds: int, peak: float) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in case.steps}
    losses: dict[str, float] = {}
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for _ in range(rounds + 1):
            for name, step in case.steps.items():
                start = time.perf_counter()
                loss = step()
                seconds[name].append(time.perf_counter() - start)
                losses.setdefault(name, loss)
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    peer = min((name for name in medians if name != "ours"), key=lambda name: medians[name])
    spread = max(losses.values()) - min(losses.values())
    assert spread < (0.05 if bf16 else 1e-3) * max(losses.values()), f"losses differ: {losses}"
    return {
        "seconds": {name: round(value, 4) for name, value in medians.items()},
        "peer": peer,
        "ratio": round(medians[peer] / medians["ours"], 2),
        "gflops": round(case.flops / medians["ours"] / 1e9),
        "share_of_peak": round(case.flops / medians["ours"] / peak, 2),
        "tokens_per_second": round(case.tokens / medians["ours"]),
        "fill": round(case.fill, 2),
        "losses": losses,
    }


def make_case(name: str) -> Case:
    torch.manual_seed(0)
    if name.startswith(("pretrain", "full")):
        length = int(name.split("-")[1])
        batch = _full_batch(length, 8) if name.startswith("full") else _real_batch(length, 8 if length == 128 else 4)
        return _pretraining(batch)
    return _sentences(128 if name == "finetune-128" else None, training=not name.startswith("infer"))


def _real_batch(length: int, size: int) -> dict[str, Tensor]:
    """Pairs of the docstrings corpus, as the lab trains on them."""
    from albert_lab.data.prepare import open_samples, prepare

    sizes = ["tokenizer.vocab_size=8000", "model.max_position_embeddings=512", f"objective.max_seq_length={length}"]
    config = composed("scale=tiny", *sizes)
    samples = open_samples(
        prepare(config.data, config.tokenizer, Path(config.paths.cache)), config.objective, config.train.seed
    )
    batch = samples.batch(np.arange(size))
    return {key: torch.from_numpy(value) for key, value in batch._asdict().items()}


def _full_batch(length: int, size: int) -> dict[str, Tensor]:
    """Sequences without padding, 15 % of their tokens masked."""
    draw = np.random.default_rng(0)
    places = np.sort(draw.choice(size * length, round(0.15 * size * length), replace=False))
    return {
        "input_ids": torch.from_numpy(draw.integers(5, VOCABULARY, (size, length))),
        "attention_mask": torch.ones(size, length, dtype=torch.bool),
        "token_type_ids": (torch.arange(length) >= length // 2).long().expand(size, length).contiguous(),
        "masked_positions": torch.from_numpy(places),
        "masked_labels": torch.from_numpy(draw.integers(5, VOCABULARY, len(places))),
        "sentence_labels": torch.from_numpy(draw.integers(0, 2, size)),
    }


def _pretraining(batch: dict[str, Tensor]) -> Case:
    ours = AlbertForPreTraining(AlbertConfig(**BASE, remove_padding=True))
    count, size = len(batch["masked_labels"]), len(batch["input_ids"])

    def our_loss() -> Tensor:
        scores = score(ours, batch)
        return scores.mlm_loss / count + scores.sentence_loss / size

    labels = torch.full(batch["input_ids"].shape, -100)
    labels.view(-1)[batch["masked_positions"]] = batch["masked_labels"]
    inputs = {key: batch[key] for key in ("input_ids", "token_type_ids")}
    inputs["attention_mask"] = batch["attention_mask"].long()
    steps = {"ours": _training(ours, our_loss)}
    for attention in ("eager", "sdpa"):
        theirs = _theirs("AlbertForPreTraining", ours, attention)
        steps[f"transformers {attention}"] = _training(
            theirs, lambda m=theirs: m(**inputs, labels=labels, sentence_order_label=batch["sentence_labels"]).loss
        )
    lengths = batch["attention_mask"].sum(1).tolist()
    flops = 3 * sum(_forward(ours, length, 0, True) for length in lengths)
    flops += 3 * (_forward(ours, 1, count, False) - _forward(ours, 1, 0, False))
    return Case(steps, flops, sum(lengths), sum(lengths) / batch["input_ids"].numel())


def _sentences(padded_to: int | None, training: bool, size: int = 16) -> Case:
    """Sequence classification of short sentences, lengths as in SST-2 (mean 25, at most 66 tokens)."""
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(np.log(21), 0.6, size).astype(int), 4, 66)
    width = padded_to or int(lengths.max())
    mask = torch.arange(width) < torch.from_numpy(lengths)[:, None]
    ids = torch.from_numpy(draw.integers(5, VOCABULARY, (size, width))) * mask
    labels = torch.from_numpy(draw.integers(0, 2, size))
    ours = AlbertForSequenceClassification(AlbertConfig(**BASE, remove_padding=True, classifier_dropout_prob=0.0))
    inputs = {"input_ids": ids, "attention_mask": mask.long(), "labels": labels}
    wrap = _training if training else _inference
    steps = {"ours": wrap(ours, lambda: ours(**inputs).loss)}
    for attention in ("eager", "sdpa"):
        theirs = _theirs("AlbertForSequenceClassification", ours, attention)
        steps[f"transformers {attention}"] = wrap(theirs, lambda m=theirs: m(**inputs).loss)
    flops = (3 if training else 1) * sum(_forward(ours, int(length), 0, True) for length in lengths)
    return Case(steps, flops, int(lengths.sum()), float(lengths.sum()) / mask.numel())


def _forward(model: Any, length: int, masked: int, sentence_head: bool) -> float:
    config = model.config
    return count_flops(config, config.layer_map, 1, length, masked, sentence_head).forward


def _theirs(name: str, ours: Any, attention: str) -> Any:
    import transformers

    from albert_lab.model.formats.hf_format import hf_names

    transformers.logging.set_verbosity_error()
    sizes = {**BASE, "classifier_dropout_prob": 0.0}
    theirs = getattr(transformers, name)(transformers.AlbertConfig(**sizes, attn_implementation=attention))
    state = ours.state_dict()
    names = hf_names(ours.config, state)
    theirs.load_state_dict({names[key]: value for key, value in state.items()}, strict=False)
    theirs.tie_weights()
    return theirs


def _training(model: Any, loss_of: Callable[[], Tensor]) -> Step:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _inference(model: Any, loss_of: Callable[[], Tensor]) -> Step:
    model.eval()

    def step() -> float:
        with torch.inference_mode():
            return loss_of().item()

    return step


def _table(found: dict[str, Any]) -> str:
    head = (
        f"{found['precision']}, {found['threads']} thread(s), fp32 kernel {found['kernel']} {found['kernel_gflops']}, "
        f"peak {found['peak_gflops']} GFLOP/s, torch {found['torch']}"
    )
    lines = [
        head,
        f"{'case':<18} {'ratio':>6} {'peer':<18} {'ours s':>7} {'peer s':>7} {'GFLOP/s':>8} {'of peak':>7} fill",
    ]
    for name, case in found["cases"].items():
        seconds = case["seconds"]
        lines.append(
            f"{name:<18} {case['ratio']:>5.2f}x {case['peer']:<18} {seconds['ours']:>7.3f} "
            f"{seconds[case['peer']]:>7.3f} {case['gflops']:>8} {case['share_of_peak']:>7.0%} {case['fill']:.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
