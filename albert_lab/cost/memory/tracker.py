"""PyTorch's own account of a step's memory, without running it: the one place that knows its private tracker.

`torch.distributed._tools.mem_tracker.MemTracker` under `FakeTensorMode` sees every storage that the model's own code
allocates, on no device and with no numbers. It takes seconds where `cost.memory.step` takes milliseconds.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

from albert_lab.config.variant import ModelConfig
from albert_lab.cost.memory.step import Pass
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers.packing import make_packing
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel

Score = Callable[[Any, dict[str, torch.Tensor]], torch.Tensor]
MakeOptimizer = Callable[[Any], torch.optim.Optimizer]
MakeModel = Callable[[AlbertConfig], AlbertPreTrainedModel]


def track_peak(
    config: ModelConfig,
    layer_map: LayerMap,
    work: Pass,
    loss_of: Score,
    make_optimizer: MakeOptimizer,
    make_model: MakeModel | None = None,
) -> int:
    """Bytes at the peak of the second step of a training on CPU: weights, gradients, state, activations, temporaries.

    Args:
        loss_of: the loss of a batch of `data.samples.pretraining.Batch`'s tensors, as the training computes it.
        make_model: None: the pre-training model.
    """
    with torch.device("meta"):
        made = AlbertConfig.of(config, layer_map)
        model = make_model(made) if make_model else AlbertForPreTraining(made, work.sentence_head)
    body: Any = model.albert
    if work.recompute:
        model.gradient_checkpointing_enable()
    packing = None if work.real_tokens is None else make_packing(_mask(work))
    with FakeTensorMode():
        model._apply(lambda tensor: torch.empty(tuple(tensor.shape), dtype=tensor.dtype))
        if packing is not None:  # made from real numbers, which this mode has none of
            fake = packing._replace(indices=torch.zeros(len(packing.indices), dtype=torch.long))
            assert callable(body.choose_packing)
            vars(body)["choose_packing"] = lambda attention_mask: fake
        optimizer, batch = make_optimizer(model), _batch(work)
        _step(model, batch, work, loss_of, optimizer)
        tracker = MemTracker()
        tracker.track_external(model, optimizer)
        with tracker:
            _step(model, batch, work, loss_of, optimizer)
    return int(tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"])


def _mask(work: Pass) -> torch.Tensor:
    """The real tokens evenly over the sequences, the last of which has what remains."""
    real = work.sequences * work.seq_length if work.real_tokens is None else work.real_tokens
    ends = [min((row + 1) * work.length, real) - row * work.length for row in range(work.sequences)]
    return torch.arange(work.seq_length)[None] < torch.tensor(ends)[:, None]


def _batch(work: Pass) -> dict[str, torch.Tensor]:
    ids = torch.zeros(work.sequences, work.seq_length, dtype=torch.long)
    masked, sentences = (torch.zeros(n, dtype=torch.long) for n in (work.masked_tokens, work.sequences))
    return {
        "input_ids": ids,
        "token_type_ids": ids,
        "attention_mask": _mask(work),
        "masked_positions": masked,
        "masked_labels": masked,
        "sentence_labels": sentences,
    }


def _step(
    model: AlbertPreTrainedModel,
    batch: dict[str, torch.Tensor],
    work: Pass,
    loss_of: Score,
    optimizer: torch.optim.Optimizer,
) -> None:
    """One step in the order of Lightning's: the last gradients are dropped when the loss is there."""
    with torch.autocast("cpu", torch.bfloat16) if work.low else nullcontext():
        loss = loss_of(model, batch)
    if not work.accumulates:
        optimizer.zero_grad()
    loss.backward()
    del loss
    optimizer.step()
