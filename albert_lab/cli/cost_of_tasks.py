"""`albert-lab cost task=TASK|suite=SUITE [finetune.seeds=5 ...]`: what fine-tuning takes, before anything runs."""

from collections.abc import Sequence
from typing import Any

from albert_lab.cli.composed_suite import ComposedSuite
from albert_lab.config.check import check
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import TaskEstimateConfig
from albert_lab.cost.finetuning import SuiteCost, TaskCost, cost_suite, cost_task
from albert_lab.cost.task_data import TaskData, count_task_data, find_published_data, read_task_examples
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map

SIZES = ("model", "sharing", "tokenizer", "release", "embedding", "block")  # groups that a checkpoint has its own of


def find_suite_cost(composed: Any) -> SuiteCost:
    """What the running Hydra job asks for.

    Raises:
        UserError: a setting that can't be, or files that can't be read.
    """
    config = from_hydra(composed, TaskEstimateConfig)
    suite = ComposedSuite(config, "cost_of_tasks")
    if config.checkpoint is not None:
        _check_sizes(config.checkpoint, suite.given)
    model = _find_model(config)
    return cost_suite(suite.suite.name or "", config, model, [_cost_task(suite, task) for task in suite.suite.tasks])


def _check_sizes(checkpoint: str, given: Sequence[str]) -> None:
    for word in given:
        if word.split("=")[0].split(".")[0] in SIZES:
            raise UserError(
                f"checkpoint={checkpoint} {word}: a checkpoint has a size of its own; leave one of them out"
            )


def _cost_task(suite: ComposedSuite, task: str) -> TaskCost:
    config = suite.compose_run(task, [])
    assert isinstance(config, TaskEstimateConfig)
    config.finetune = suite.config.finetune
    check(config)
    model = _find_model(config)
    return cost_task(config, model, _find_data(config, model))


def _find_model(config: TaskEstimateConfig) -> AlbertConfig:
    """The checkpoint's configuration, or that of a model of the size asked for, with the task's dropout."""
    dropout = 0.0 if config.task.freeze_encoder else config.task.dropout
    changes: dict[str, Any] = (
        {} if dropout is None else {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    )
    if config.checkpoint is not None:
        return AlbertConfig.from_pretrained(config.checkpoint, **changes)
    layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
    return AlbertConfig.of(config.model, layer_map, **changes)


def _find_data(config: TaskEstimateConfig, model: AlbertConfig) -> TaskData:
    """Published sizes where nothing says where the files are; else theirs, with the lengths where a checkpoint is."""
    published = find_published_data(config)
    if published is not None:
        return published
    examples = read_task_examples(config)
    data = count_task_data(config, examples)
    if config.checkpoint is None:
        return data
    from albert_lab.train.tasks.lengths import measure_lengths  # imports torch

    return measure_lengths(config, model, data, examples)
