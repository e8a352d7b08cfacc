"""What pre-training measures of one batch, through the model's own `forward`."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Scores(NamedTuple):
    """A batch's summed losses, with their graph, and its counts."""

    mlm_loss: Tensor  # scalar, summed over masked tokens
    sentence_loss: Tensor  # scalar, summed over pairs; 0 without a sentence task
    sums: Tensor  # float64 [7]: `PretrainingTask.sums`


def score(model: nn.Module, batch: dict[str, Tensor]) -> Scores:
    """Runs `model` on one batch (see `data.samples.pretraining.Batch` for its tensors)."""
    mask, labels, order = batch["attention_mask"], batch["masked_labels"], batch["sentence_labels"]
    sums = model(
        input_ids=batch["input_ids"],
        attention_mask=None if bool(mask.all()) else mask,
        token_type_ids=batch["token_type_ids"],
        labels=labels,
        sentence_order_label=order,
        masked_positions=batch["masked_positions"],
        return_sums=True,
    )
    words = [_count(labels.numel(), mask.device), sums.word_loss.detach(), sums.word_hits]
    if sums.sentence_loss is None:
        sentence_loss, sentences = sums.word_loss.new_zeros(()), [_count(0, mask.device)] * 3
    else:
        sentence_loss = sums.sentence_loss
        sentences = [_count(order.numel(), mask.device), sentence_loss.detach(), sums.sentence_hits]
    counts = torch.stack([each.double() for each in (*words, *sentences, mask.sum())])
    return Scores(sums.word_loss, sentence_loss, counts)


def _count(number: int, device: torch.device) -> Tensor:
    """Filled in on the device; a copy of a number from the host would wait for it."""
    return torch.full((), number, dtype=torch.float64, device=device)
