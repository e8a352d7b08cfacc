"""Runs a head's model over features and gathers what it puts out."""

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from albert_lab.train.heads.features import Features
from albert_lab.train.heads.head import Head, Outputs


class Evaluation(NamedTuple):
    """What a model puts out for every feature, and sums over them."""

    outputs: list[Outputs]  # in the order of the features
    loss: float  # summed over the targets
    targets: int


@torch.no_grad()
def evaluate(
    head: Head[Any], model: nn.Module, features: Features, batch_size: int, rank: int = 0, processes: int = 1
) -> Evaluation:
    """Runs `model` over all features in evaluation mode, those of similar length together, shared among the processes.

    Every process runs the model equally often, with features that don't count where its own have run out: a strategy
    that shards weights gathers them in every forward pass, for all processes at once. All get the whole result.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    order = np.argsort(-features.lengths(), kind="stable")
    mine, most = order[rank::processes], -(-len(order) // processes)
    found: dict[int, Outputs] = {}
    sums = torch.zeros(2, dtype=torch.float64)
    for start in range(0, most, batch_size):
        numbers = mine[start : start + batch_size]
        arrays = features.batch(numbers if len(numbers) else order[:1], head.tokenizer.pad_token_id or 0)
        batch = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        loss, _, outputs = head.compute(model, batch)
        if len(numbers):
            sums += torch.stack([loss.double(), batch["batch_targets"].double()]).cpu()
            found |= _split(numbers, outputs)
    model.train(was_training)
    parts = _gather((found, sums.tolist()), processes)
    outputs_of = {number: output for part, _ in parts for number, output in part.items()}
    totals = np.sum([part for _, part in parts], axis=0)
    return Evaluation([outputs_of[number] for number in range(len(features))], float(totals[0]), int(totals[1]))


def _split(numbers: np.ndarray, outputs: dict[str, Tensor]) -> dict[int, Outputs]:
    """Each feature's own outputs."""
    arrays = {name: tensor.float().cpu().numpy() if tensor.is_floating_point() else tensor.cpu().numpy()
              for name, tensor in outputs.items()}  # fmt: skip
    return {int(number): {name: array[place] for name, array in arrays.items()} for place, number in enumerate(numbers)}


def _gather(part: Any, processes: int) -> list[Any]:
    if processes == 1:
        return [part]
    parts: list[Any] = [None] * processes
    dist.all_gather_object(parts, part)
    return parts
