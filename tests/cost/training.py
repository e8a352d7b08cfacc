"""A training step's loss as the training computes it, on tensors that have no numbers."""

import torch
from torch import Tensor

from albert_lab.cost.memory.step import Pass
from albert_lab.cost.memory.tracker import Score
from albert_lab.model.torch.albert import AlbertForPreTraining


def loss_of(work: Pass) -> Score:
    """`train.tasks.scores.score` without its counts, and without asking a mask whether anything is padded."""

    def loss(model: AlbertForPreTraining, batch: dict[str, Tensor]) -> Tensor:
        sums = model(
            input_ids=batch["input_ids"],
            attention_mask=None if work.real_tokens is None else batch["attention_mask"],
            token_type_ids=batch["token_type_ids"],
            labels=batch["masked_labels"],
            sentence_order_label=batch["sentence_labels"],
            masked_positions=batch["masked_positions"],
            return_sums=True,
        )
        return sums.word_loss if sums.sentence_loss is None else sums.word_loss + sums.sentence_loss

    return loss


def made_up_batch(work: Pass, vocabulary: int) -> dict[str, Tensor]:
    """The tensors of `data.samples.pretraining.Batch`, with numbers; the end of the last sequence is padded."""
    positions = work.sequences * work.seq_length
    mask = torch.ones(work.sequences, work.seq_length, dtype=torch.bool)
    mask[-1, work.seq_length - (positions - (work.real_tokens or positions)) :] = False
    return {
        "input_ids": torch.randint(vocabulary, mask.shape),
        "attention_mask": mask,
        "token_type_ids": torch.zeros(mask.shape, dtype=torch.long),
        "masked_positions": torch.arange(work.masked_tokens),
        "masked_labels": torch.randint(vocabulary, (work.masked_tokens,)),
        "sentence_labels": torch.zeros(work.sequences, dtype=torch.long),
    }
