"""A training step's loss as the training computes it, on tensors that have no numbers."""

import torch
from torch import Tensor
from torch.nn import functional

from albert_lab.cost.memory.step import Pass, whole_rows
from albert_lab.cost.memory.tracker import Score
from albert_lab.model.torch.albert import AlbertForPreTraining, gathered


def loss_of(work: Pass) -> Score:
    """`train.tasks.scores.score` without its tally, and without asking a mask whether anything is padded."""

    def loss(model: AlbertForPreTraining, batch: dict[str, Tensor]) -> Tensor:
        mask = None if work.real_tokens is None else batch["attention_mask"]
        encoded = model.albert(batch["input_ids"], mask, batch["token_type_ids"])
        filler = (0, whole_rows(work.masked_tokens) - work.masked_tokens)
        masked = gathered(encoded.last_hidden_state, functional.pad(batch["masked_positions"], filler))
        words = functional.pad(batch["masked_labels"], filler, value=-100)
        total, _ = model.predictions.loss_and_hits(masked, model.get_input_embeddings().weight, words)
        if model.sop_classifier is None:
            return total
        logits = model.sop_classifier(encoded.pooler_output).float()
        return total + functional.cross_entropy(logits, batch["sentence_labels"], reduction="sum")

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
