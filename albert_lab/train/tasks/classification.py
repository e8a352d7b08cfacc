"""Fine-tunes a model to classify texts, or probes what its frozen encoder knows (Google's run_classifier.py)."""

import logging
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.config.schema import FinetuneConfig
from albert_lab.cost.counts.flops import TaskHead, count_task_flops
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.data.random_bits import permute, random_bits
from albert_lab.data.tasks.labelled_texts import LabelledTexts
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.classification import AlbertForSequenceClassification
from albert_lab.runs.metrics import Metric
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train.batches import Arrays, StepPlan
from albert_lab.train.tasks.task import Figures, Task, sum_over_samples

log = logging.getLogger(__name__)


class EncodedTexts:
    """Texts as piece ids; sample i is in epoch i // len(self), which visits every text once in its own order."""

    def __init__(
        self, texts: LabelledTexts, tokenizer: AlbertTokenizerFast, max_seq_length: int, seed: int | None
    ) -> None:
        """`seed` None keeps the texts' own order."""
        encoded = tokenizer(texts.texts, truncation=True, max_length=max_seq_length)
        self.ids = [np.array(ids, np.int64) for ids in encoded["input_ids"]]
        self.labels = np.array(texts.labels, np.int64)
        self.max_seq_length, self.pad_id = max_seq_length, tokenizer.pad_token_id
        self._epoch_key = None if seed is None else random_bits(np.array([seed], np.uint64), 0)

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, groups: Sequence[np.ndarray]) -> list[Arrays]:
        return [self._make_batch(self._find_texts(indices)) for indices in groups]

    def plan(self, indices: np.ndarray) -> StepPlan:
        lengths = np.array([len(self.ids[text]) for text in self._find_texts(indices)])
        return StepPlan(lengths, {"step_samples": len(indices)})

    def _find_texts(self, indices: np.ndarray) -> np.ndarray:
        epoch, position = np.divmod(np.asarray(indices, np.int64), len(self))
        if self._epoch_key is None:
            return position
        return permute(position, len(self), random_bits(self._epoch_key, epoch))

    def _make_batch(self, texts: np.ndarray) -> Arrays:
        lengths = np.array([len(self.ids[text]) for text in texts])
        ids = np.full((len(texts), lengths.max()), self.pad_id, np.int64)
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids[mask] = np.concatenate([self.ids[text] for text in texts])
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": self.labels[texts],
            "step_samples": np.array(len(texts)),
        }


class TextClassification(Task):
    """One label for each text, by a classifier on the pooled [CLS]; a subclass gives the texts.

    With `task.freeze_encoder` the classifier alone is trained: a probe of what the encoder knows.
    """

    sums = ("samples", "loss", "hits", "tokens")

    def __init__(self, config: FinetuneConfig) -> None:
        if config.checkpoint is None:
            raise UserError("finetune needs checkpoint=RUN: a run's folder, or another checkpoint's")
        self.config, self.checkpoint = config, config.checkpoint
        self.tokenizer = AlbertTokenizerFast.from_pretrained(config.checkpoint)
        train, held_out = self.load_texts("train"), self.load_texts("held_out")
        self.label_names = train.label_names
        self.model_config = AlbertConfig.from_pretrained(config.checkpoint)
        length = config.task.max_seq_length or self.model_config.max_position_embeddings
        if length > self.model_config.max_position_embeddings:
            raise UserError(
                f"task.max_seq_length={length} is longer than the checkpoint's max_position_embeddings="
                f"{self.model_config.max_position_embeddings}; nearest: {self.model_config.max_position_embeddings}"
            )
        self.samples: EncodedTexts = EncodedTexts(train, self.tokenizer, length, config.train.seed)
        self.held_out = EncodedTexts(held_out, self.tokenizer, length, seed=None)
        classes = len(self.label_names)
        self.metrics = (
            Metric("accuracy", "accuracy", "share", True, chance=held_out.majority_share, counted_by="samples"),
            Metric(
                "loss", "loss", "nats", False, chance=math.log(classes),
                at_chance="the classifier does no better than guessing; if that stays, try another "
                "optimizer.learning_rate, or task.freeze_encoder=false",
            ),
        )  # fmt: skip

    @abstractmethod
    def load_texts(self, split: str) -> LabelledTexts:
        """The texts of "train" or "held_out"."""

    def make_model(self) -> AlbertForSequenceClassification:
        changes: dict[str, Any] = {"remove_padding": True}
        if self.config.task.freeze_encoder:  # a probe sees the same features at every step
            changes |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        model: AlbertForSequenceClassification = AlbertForSequenceClassification.from_pretrained(
            self.checkpoint,
            num_labels=len(self.label_names),
            id2label=dict(enumerate(self.label_names)),
            **changes,
        )
        if self.config.task.freeze_encoder:
            model.albert.requires_grad_(False)
        return model

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        mask, labels = batch["attention_mask"], batch["labels"]
        logits = model(batch["input_ids"], None if bool(mask.all()) else mask).logits.float()
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        hits = (logits.argmax(-1) == labels).sum()
        counts = torch.full((), len(labels), dtype=torch.float64, device=loss.device)
        sums = torch.stack([counts, *(each.double() for each in (loss.detach(), hits, mask.sum()))])
        return loss / batch["step_samples"], sums

    def figures(self, sums: Mapping[str, float]) -> Figures:
        samples = max(sums["samples"], 1)
        return {
            "accuracy": sums["hits"] / samples,
            "loss": sums["loss"] / samples,
            "samples": int(sums["samples"]),
        }

    def validate(self, model: nn.Module, rank: int = 0, processes: int = 1) -> Figures:
        train = self.config.train
        count = min(train.validation_samples, len(self.held_out))
        return self.figures(sum_over_samples(self, model, self.held_out, count, train.batch_size, rank, processes))

    def save(self, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        assert isinstance(model, AlbertForSequenceClassification)
        model.save_pretrained(folder, state_dict=weights)
        self.tokenizer.save_pretrained(folder)

    def count_cost(self, model: nn.Module) -> dict[str, Any]:
        assert isinstance(model, AlbertForSequenceClassification)
        layer_map, length, classes = model.config.layer_map, self.samples.max_seq_length, len(self.label_names)
        counts, unique = count_parameters(model.config, layer_map), model.num_parameters()
        flops = count_task_flops(model.config, layer_map, TaskHead.sequence_classification, 1, length, classes)
        classifier = 2 * model.config.hidden_size * classes
        training = flops.forward + 2 * classifier if self.config.task.freeze_encoder else flops.training
        return {
            "parameters": {"unique": unique, "applied": unique + counts.applied - counts.unique},
            "flops_per_token": {"forward": flops.forward / length, "training": training / length},
        }

    def describe(self) -> list[str]:
        sizes = f"{len(self.samples):,} texts to train on, {len(self.held_out):,} held out"
        return [f"{sizes}; {len(self.label_names)} classes: {', '.join(self.label_names)}"]
