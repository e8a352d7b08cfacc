"""Texts and pairs of texts: one class, several labels at once, or a score (Google's run_classifier.py)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.cost.counts.weights import TaskHead
from albert_lab.data.tasks.examples import TextExample
from albert_lab.model.torch.classification import AlbertForSequenceClassification
from albert_lab.scoring.predictions import Prediction
from albert_lab.train.heads.features import Features
from albert_lab.train.heads.head import Head, Outputs, Result

PROBLEMS = {
    "single_label": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}
THRESHOLD = 0.5  # probability from which one of several labels is said to hold


class Classification(Head[TextExample]):
    """A classifier on the pooled [CLS], or with `task.pooling=mean` on the mean of the tokens.

    A pair is cut from the end of its longer text until it fits, as Google's `_truncate_seq_pair` does.
    """

    model_class = AlbertForSequenceClassification
    flops = TaskHead.sequence_classification

    @property
    def kind(self) -> str:
        return self.task.kind.value

    @property
    def has_accuracy(self) -> bool:  # type: ignore[override]
        return self.kind == "single_label"

    def encode(self, rows: Sequence[TextExample]) -> Features:
        pairs = [row.pair for row in rows]
        has_pairs = any(pair is not None for pair in pairs)
        encoded = self.tokenizer(
            [row.text for row in rows],
            [pair or "" for pair in pairs] if has_pairs else None,
            truncation="longest_first",
            max_length=self.max_seq_length,
            return_token_type_ids=True,
        )
        return Features(
            [np.array(ids, np.int64) for ids in encoded["input_ids"]],
            [len(types) - sum(types) for types in encoded["token_type_ids"]],
            {"labels": self._encode_labels(rows)},
        )

    def _encode_labels(self, rows: Sequence[TextExample]) -> np.ndarray:
        if self.kind == "multi_label":
            labels = np.zeros((len(rows), len(self.label_names)), np.float32)
            for number, row in enumerate(rows):
                labels[number, list(row.label or ())] = 1  # type: ignore[arg-type]
            return labels
        dtype = np.float32 if self.kind == "regression" else np.int64
        return np.array([0 if row.label is None else row.label for row in rows], dtype)

    def gold(self, row: TextExample) -> Any:
        if row.label is None or isinstance(row.label, float):
            return row.label
        if isinstance(row.label, tuple):
            return [self.label_names[label] for label in row.label]
        return float(row.label) if self.kind == "regression" else self.label_names[row.label]

    def model_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"problem_type": PROBLEMS[self.kind], "classifier_pooling": self.task.pooling}
        return options | ({"num_labels": 1} if self.kind == "regression" else super().model_options())

    def compute(self, model: nn.Module, batch: dict[str, Tensor]) -> Result:
        mask, labels = batch["attention_mask"], batch["labels"]
        logits = model(batch["input_ids"], None if bool(mask.all()) else mask, batch["token_type_ids"]).logits.float()
        losses, hits = self._losses(logits, labels)
        return Result(losses.sum(), hits, {"logits": logits, "loss": losses})

    def _losses(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """[B] losses and the number of right classes."""
        no_hits = torch.zeros((), device=logits.device)
        if self.kind == "regression":
            return functional.mse_loss(logits.squeeze(-1), labels, reduction="none"), no_hits
        if self.kind == "multi_label":
            return functional.binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(-1), no_hits
        return functional.cross_entropy(logits, labels, reduction="none"), (logits.argmax(-1) == labels).sum()

    def answer(self, rows: Sequence[TextExample], features: Features, outputs: Sequence[Outputs]) -> list[Prediction]:
        return [self._answer(row, output) for row, output in zip(rows, outputs, strict=True)]

    def _answer(self, row: TextExample, output: Outputs) -> Prediction:
        logits = output["logits"].astype(np.float64)
        names, scores = self.label_names, {}
        prediction: Any
        if self.kind == "regression":
            prediction = float(logits[0])
        elif self.kind == "multi_label":
            scores = dict(zip(names, (1 / (1 + np.exp(-logits))).tolist(), strict=True))
            prediction = [name for name in names if scores[name] >= THRESHOLD]
        else:
            shares = np.exp(logits - logits.max())
            scores = dict(zip(names, (shares / shares.sum()).tolist(), strict=True))
            prediction = names[int(logits.argmax())]
        text = row.text if row.pair is None else f"{row.text} [SEP] {row.pair}"
        loss = None if row.label is None else float(output["loss"])
        return Prediction(row.id, self.gold(row), prediction, scores, loss, text)

    def chance_loss(self) -> float | None:
        return math.log(len(self.label_names)) if self.kind == "single_label" else None


HEAD = Classification
