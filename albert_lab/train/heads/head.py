"""What fine-tuning asks of a head."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, NamedTuple

import numpy as np
from torch import Tensor, nn

from albert_lab.config.training import TaskConfig
from albert_lab.cost.counts.weights import TaskHead
from albert_lab.data.tasks.examples import Row
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.scoring.predictions import Prediction
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train.heads.features import Features

Outputs = dict[str, np.ndarray]  # of one feature, by name


class Result(NamedTuple):
    """What a head computes of one batch of B features."""

    loss: Tensor  # scalar with its graph: summed over the targets, as many as the batch's `step_targets`
    hits: Tensor  # scalar: right answers among them
    outputs: dict[str, Tensor]  # [B, ...] each: what `answer` reads; "loss" [B] is each feature's own


class Head(ABC, Generic[Row]):
    """Encodes examples of one kind, has a model and a loss for them, and turns its outputs into answers.

    Attributes:
        model_class: the public class that it trains; a run's folder is its checkpoint.
        flops: how `cost` counts it.
        has_accuracy: whether `Result.hits` counts something; training then shows an accuracy.
        tuned: what `answer` goes by besides the weights, by name: figures of the run's record, which `predict` reads.
    """

    model_class: ClassVar[type[AlbertPreTrainedModel]]
    flops: ClassVar[TaskHead]
    has_accuracy: ClassVar[bool] = True

    def __init__(
        self, tokenizer: AlbertTokenizerFast, task: TaskConfig, label_names: tuple[str, ...], max_seq_length: int
    ) -> None:
        self.tokenizer, self.task, self.label_names = tokenizer, task, label_names
        self.max_seq_length = max_seq_length
        self.tuned: dict[str, float] = {}

    @abstractmethod
    def encode(self, rows: Sequence[Row]) -> Features:
        """Encodes examples, labelled or not: a target that isn't known is whatever `compute` can stand."""

    @abstractmethod
    def gold(self, row: Row) -> Any:
        """The right answer as `Prediction.gold` has it; None where it isn't known."""

    def model_options(self) -> dict[str, Any]:
        """Changes of the checkpoint's configuration: labels and what else the model class needs."""
        return {"num_labels": len(self.label_names), "id2label": dict(enumerate(self.label_names))}

    @abstractmethod
    def compute(self, model: nn.Module, batch: dict[str, Tensor]) -> Result:
        """Runs `model`, through its own `forward`, on a batch as `Features.batch` makes it."""

    @abstractmethod
    def answer(self, rows: Sequence[Row], features: Features, outputs: Sequence[Outputs]) -> list[Prediction]:
        """The answer to each example, from the outputs of all its features, in their order."""

    def tune(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Chooses `tuned` by answers to held-out examples, and gives them again as they are with it."""
        return list(predictions)

    def chance_loss(self) -> float | None:
        """The loss of a model that knows nothing, in nats a target; None: not known."""
        return None
