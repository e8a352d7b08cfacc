"""Cross-entropy: a mean over the labels that count, and a sum over a vocabulary whose logits never exist whole."""
# ruff: noqa: N803 (a shape suffix has the paper's capital letters; legend in albert.py)

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from albert_lab.model.torch.layers.linear import linear

IGNORED = -100  # the label of what does not count
CHUNK_BYTES = 64 * 2**20  # of float32 logits at a time


def mean_cross_entropy(
    logits: Tensor, labels: Tensor, ignored: int = IGNORED, num_items: Tensor | int | None = None
) -> Tensor:
    """Mean cross-entropy, in nats, over the labels that count; 0 where none does (Hugging Face: not a number).

    Args:
        logits: [...,C] of C classes.
        labels: [...] classes, or `ignored`.
        num_items: what the sum is divided by instead of the labels that count, such as those of several batches.
    """
    total = functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=ignored, reduction="sum")
    return total / ((labels != ignored).sum().clamp(min=1) if num_items is None else num_items)


def divide_loss(loss: Callable[..., Tensor], logits: Tensor, labels: Tensor, num_items: Tensor | int | None) -> Tensor:
    """One of PyTorch's losses: its mean; with `num_items`, its sum divided by that."""
    return loss(logits, labels) if num_items is None else loss(logits, labels, reduction="sum") / num_items


def word_loss_and_hits(x_NE: Tensor, table_VE: Tensor, bias_V: Tensor, labels_N: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy, in nats, of the logits x table^T + bias, and how many labels have the highest logit.

    Labels that are `IGNORED` do not count.

    Chunk by chunk: a chunk's logits become its gradients at once and are then freed, so [N,V] never exists. Products
    have the precision of autocast; the softmax has float32 at least.
    """
    loss, hits = _ChunkedLoss.apply(x_NE, table_VE, bias_V, labels_N)
    return loss, hits


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NE: Tensor, table_VE: Tensor, bias_V: Tensor, labels_N: Tensor) -> tuple[Tensor, Tensor]:
        wanted = any(ctx.needs_input_grad)
        low = torch.get_autocast_dtype(x_NE.device.type) if torch.is_autocast_enabled(x_NE.device.type) else x_NE.dtype
        precise = torch.promote_types(x_NE.dtype, torch.float32)
        table = table_VE.to(low)
        loss, hits = x_NE.new_zeros((), dtype=precise), labels_N.new_zeros(())
        for_x = torch.empty_like(x_NE) if wanted else None
        for_table: Tensor | None = None
        for_bias = torch.zeros_like(bias_V) if wanted else None
        bias = bias_V.to(precise)
        with torch.autocast(x_NE.device.type, enabled=False):
            rows = max(1, CHUNK_BYTES // (4 * len(table_VE)))
            for start in range(0, len(x_NE), rows):
                part = slice(start, start + rows)
                x, labels, counts = x_NE[part].to(low), labels_N[part].clamp(min=0), labels_N[part] != IGNORED
                logits = linear(x, table, bias) if low is precise else linear(x, table) + bias
                top, guess = logits.max(-1)
                hits += ((guess == labels) & counts).sum()
                label_logit = logits.gather(1, labels[:, None]).squeeze(1)
                probs = logits.softmax(-1)
                del logits
                log_norm = top - probs.gather(1, guess[:, None]).squeeze(1).log()  # the top's is at least 1 / V
                loss += ((log_norm - label_logit) * counts).sum()
                if for_x is None or for_bias is None:
                    continue
                errors = probs.scatter_add_(1, labels[:, None], probs.new_full((len(labels), 1), -1.0))
                errors.mul_(counts[:, None])
                for_bias += errors.sum(0)
                errors = errors.to(low)
                for_x[part] = linear(errors, table.t())
                product = linear(errors.t(), x.t()).to(table_VE.dtype)
                for_table = product if for_table is None else for_table.add_(product)
        if wanted and for_table is None:  # no label at all
            for_table = torch.zeros_like(table_VE)
        ctx.save_for_backward(for_x, for_table, for_bias)
        ctx.mark_non_differentiable(hits)
        return loss, hits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        for_x, for_table, for_bias = ctx.saved_tensors
        return for_x * grad, for_table * grad, for_bias * grad, None
