"""What a model knows of held-out text: losses and accuracies over a fixed set of samples."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from albert_lab.data.samples.pretraining import Batch, Samples
from albert_lab.model.torch.albert import AlbertForPreTraining


@dataclass
class Tally:
    """Sums over samples, from which means follow; a tensor so that processes can add theirs up.

    Entries: masked tokens, their cross-entropy (nats), hits; sentence pairs, their cross-entropy, hits; real tokens.
    They stay on the device that computed them until they are read: a step never waits for its figures.
    """

    sums: Tensor  # float64 [7]

    @classmethod
    def empty(cls) -> "Tally":
        return cls(torch.zeros(7, dtype=torch.float64))

    def add(self, other: "Tally") -> None:
        self.sums = self.sums.to(other.sums.device, non_blocking=True) + other.sums

    def on_cpu(self) -> "Tally":
        """Waits for the device."""
        return Tally(self.sums.cpu())

    def over_processes(self) -> "Tally":
        """The same sums over every process of the group."""
        if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return self
        backend_device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        total = self.sums.to(backend_device, copy=True)
        dist.all_reduce(total)
        return Tally(total.cpu())

    @property
    def tokens(self) -> int:
        return int(self.sums[6])

    def means(self) -> dict[str, float | int | None]:
        """`mlm_loss`, `mlm_accuracy`, `mlm_tokens` and the same for the sentence task (None without one)."""
        masked, mlm_loss, mlm_hits, pairs, sentence_loss, sentence_hits, _ = self.sums.tolist()
        return {
            "mlm_loss": mlm_loss / max(masked, 1),
            "mlm_accuracy": mlm_hits / max(masked, 1),
            "mlm_tokens": int(masked),
            "sentence_loss": sentence_loss / pairs if pairs else None,
            "sentence_accuracy": sentence_hits / pairs if pairs else None,
            "sentence_samples": int(pairs),
        }


def is_first_process() -> bool:
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


@dataclass
class Scores:
    """A batch's summed losses, with their graph, and its tally."""

    mlm_loss: Tensor  # scalar, summed over masked tokens
    sentence_loss: Tensor  # scalar, summed over pairs; 0 without a sentence task
    tally: Tally


def score(model: AlbertForPreTraining, batch: dict[str, Tensor]) -> Scores:
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
    tally = Tally(torch.stack([each.double() for each in (*words, *sentences, mask.sum())]))
    return Scores(sums.word_loss, sentence_loss, tally)


def _count(number: int, device: torch.device) -> Tensor:
    """Filled in on the device; a copy of a number from the host would wait for it."""
    return torch.full((), number, dtype=torch.float64, device=device)


def to_tensors(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array).to(device) for name, array in batch._asdict().items()}


@torch.no_grad()
def evaluate(
    model: AlbertForPreTraining, samples: Samples, count: int, batch_size: int, rank: int = 0, processes: int = 1
) -> Tally:
    """Scores held-out samples 0..count-1, shared out among the processes; the same ones at every call."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    tally = Tally.empty()
    mine = np.arange(min(count, len(samples)))[rank::processes]
    for start in range(0, len(mine), batch_size):
        tally.add(score(model, to_tensors(samples.batch(mine[start : start + batch_size]), device)).tally)
    model.train(was_training)
    return tally.over_processes().on_cpu()
