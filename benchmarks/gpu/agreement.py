"""Whether the paths that a CPU tested give the same numbers on the device."""

from typing import Any

import torch
from torch import Tensor

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers.packing import make_packing
from benchmarks.gpu.machine import Machine
from benchmarks.gpu.models import Batch, loss_of

SMALL: dict[str, Any] = {
    "vocab_size": 1000, "embedding_size": 64, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 512, "max_position_embeddings": 64,
}  # fmt: skip
LENGTHS = [64, 20, 9, 33]  # padding enough to leave out, on a CPU too
FP32, BF16 = 1e-4, 5e-2  # largest difference of a loss, or of a gradient in units of the largest gradient


def agreement(machine: Machine) -> dict[str, Any]:
    """Loss and gradients: the device's against the CPU's, and without padding against with it, in fp32 and bf16."""
    torch.set_float32_matmul_precision("highest")
    model, batch = _model(), _batch()
    assert make_packing(batch["attention_mask"]).saves_time(SMALL["hidden_size"]), "the padding is not left out"
    reference = _loss_and_gradients(model, batch, low=False, packed=False)
    model, batch = model.to(machine.device), {name: tensor.to(machine.device) for name, tensor in batch.items()}
    padded = _loss_and_gradients(model, batch, low=False, packed=False)
    packed = _loss_and_gradients(model, batch, low=False, packed=True)
    low_padded = _loss_and_gradients(model, batch, low=True, packed=False)
    low_packed = _loss_and_gradients(model, batch, low=True, packed=True)
    found = {
        "device_against_cpu_fp32": _compared(padded, reference, FP32),
        "packed_against_padded_fp32": _compared(packed, padded, FP32),
        "packed_against_padded_bf16": _compared(low_packed, low_padded, BF16),
        "packed_bf16_against_cpu_fp32": _compared(low_packed, reference, BF16),
    }
    return found | {"agrees": all(each["agrees"] for each in found.values())}


def _model() -> AlbertForPreTraining:
    torch.manual_seed(0)
    model = AlbertForPreTraining(AlbertConfig(**SMALL)).train()
    with torch.no_grad():  # off the start, so that biases and LayerNorms count
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
    return model


def _batch() -> Batch:
    torch.manual_seed(2)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    places = mask.flatten().nonzero().squeeze(1)[::7]
    return {
        "input_ids": torch.randint(5, SMALL["vocab_size"], mask.shape) * mask,
        "attention_mask": mask,
        "token_type_ids": torch.randint(2, mask.shape) * mask,
        "masked_positions": places,
        "masked_labels": torch.randint(5, SMALL["vocab_size"], places.shape),
        "sentence_labels": torch.tensor([0, 1, 1, 0]),
    }


def _loss_and_gradients(model: AlbertForPreTraining, batch: Batch, low: bool, packed: bool) -> list[Tensor]:
    model.config.remove_padding = model.albert.config.remove_padding = packed
    model.zero_grad()
    with torch.autocast(batch["input_ids"].device.type, torch.bfloat16, enabled=low):
        loss = loss_of(model, batch)
    loss.backward()
    found = [loss, *(p.grad for p in model.parameters() if p.grad is not None)]
    return [tensor.detach().double().cpu() for tensor in found]


def _compared(found: list[Tensor], expected: list[Tensor], tolerance: float) -> dict[str, Any]:
    loss = abs(found[0] - expected[0]).item() / abs(expected[0]).item()
    differences = [abs(one - two).max().item() for one, two in zip(found[1:], expected[1:], strict=True)]
    gradient = max(differences) / max(abs(two).max().item() for two in expected[1:])
    return {
        "loss_difference": loss,
        "gradient_difference": gradient,
        "tolerance": tolerance,
        "agrees": loss <= tolerance and gradient <= tolerance,
    }
