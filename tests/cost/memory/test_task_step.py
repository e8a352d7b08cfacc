"""The memory of a fine-tuning step against PyTorch's own tracker."""

from typing import Any

import pytest
import torch
from torch import Tensor

from albert_lab.config.training import OptimizerConfig
from albert_lab.config.variant import ModelConfig, Pooling, SharingConfig
from albert_lab.cost.counts.weights import TaskHead, list_task_weights
from albert_lab.cost.memory.measured import saved_activation_bytes
from albert_lab.cost.memory.step import Pass
from albert_lab.cost.memory.task_step import predict_task_memory
from albert_lab.cost.memory.tracker import track_peak
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.train.optim.optimizers import make_optimizer
from tests.cost.counts.test_flops import task_model

CONFIG = ModelConfig(
    vocab_size=1000, embedding_size=32, hidden_size=64, num_hidden_layers=3, num_attention_heads=4,
    intermediate_size=256, classifier_dropout_prob=0.1,
)  # fmt: skip
LABELS = 3
WORK = Pass(4, 48, 0)
LAYER_MAP = make_layer_map(SharingConfig("cycle", num_blocks=2), CONFIG.num_hidden_layers)


def loss_of(head: TaskHead, model: Any, ids: Tensor, mask: Tensor | None) -> Tensor:
    rows = torch.zeros(len(ids), dtype=torch.long)
    if head is TaskHead.multiple_choice:
        ids, mask, rows = ids[None], None if mask is None else mask[None], rows[:1]
    targets: dict[str, Tensor] = {"labels": ids if head is TaskHead.token_classification else rows}
    if head in (TaskHead.question_answering, TaskHead.question_answering_v2):
        targets = {"start_positions": rows, "end_positions": rows}
    if head is TaskHead.question_answering_v2:
        targets["is_impossible"] = rows
    loss = model(ids, mask, torch.zeros_like(ids), **targets).loss
    assert isinstance(loss, Tensor)
    return loss


def make_model(head: TaskHead, config: AlbertConfig, pooling: Pooling = Pooling.cls) -> AlbertPreTrainedModel:
    config.num_labels, config.classifier_pooling = LABELS, pooling
    config.problem_type = "single_label_classification"
    return task_model(head, config)


def error(head: TaskHead, work: Pass, pooling: Pooling = Pooling.cls) -> float:
    """Of the predicted peak, relative to the tracked one."""
    optimizer, packed = OptimizerConfig(), work.real_tokens is not None
    tracked = track_peak(
        CONFIG,
        LAYER_MAP,
        work,
        lambda model, batch: loss_of(head, model, batch["input_ids"], batch["attention_mask"] if packed else None),
        lambda model: make_optimizer(model, optimizer, False),
        lambda config: make_model(head, config, pooling),
    )
    predicted = predict_task_memory(CONFIG, LAYER_MAP, work, optimizer, head, LABELS, pooling=pooling).peak
    return predicted / tracked - 1


@pytest.mark.parametrize("head", TaskHead)
def test_the_peak_is_the_trackers_for_every_head(head: TaskHead) -> None:
    assert abs(error(head, Pass(4, 48, 0, real_tokens=160))) < 0.05


def test_the_peak_in_bfloat16() -> None:
    assert abs(error(TaskHead.question_answering_v2, Pass(4, 48, 0, low=True))) < 0.05


def test_the_peak_with_the_mean_of_the_tokens() -> None:
    assert abs(error(TaskHead.sequence_classification, WORK, Pooling.mean)) < 0.05


@pytest.mark.parametrize("head", [TaskHead.sequence_classification, TaskHead.question_answering_v2])
def test_a_frozen_encoder_keeps_nothing_and_has_no_gradient(head: TaskHead) -> None:
    """PyTorch's tracker refuses frozen weights, so this compares with what autograd keeps of a real step."""
    model = make_model(head, AlbertConfig.of(CONFIG, LAYER_MAP))
    model.get_submodule("albert").requires_grad_(False)
    ids = torch.zeros(WORK.sequences, WORK.seq_length, dtype=torch.long)
    kept = saved_activation_bytes(model, lambda: loss_of(head, model, ids, None))
    memory = predict_task_memory(CONFIG, LAYER_MAP, WORK, OptimizerConfig(), head, LABELS, frozen_encoder=True)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert (memory.weights, memory.gradients, memory.optimizer) == (
        4 * model.num_parameters(),
        4 * trained,
        8 * trained,
    )
    assert memory.activations == pytest.approx(kept, rel=0.15, abs=2000)


@pytest.mark.parametrize("head", TaskHead)
def test_weights_are_the_models(head: TaskHead) -> None:
    model = make_model(head, AlbertConfig.of(CONFIG, LAYER_MAP))
    counted = sum(weight.unique * weight.elements for weight in list_task_weights(CONFIG, LAYER_MAP, head, LABELS))
    assert counted == model.num_parameters()
