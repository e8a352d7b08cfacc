"""Answers examples with a finished fine-tuned run, as its own validation does."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from albert_lab.config.schema import FinetuneConfig
from albert_lab.config.training import TaskConfig, TaskFiles
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.data.tasks.examples import Examples
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import find_length
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.runs.catalog import load_finetuned
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.machine import usable_cores
from albert_lab.runs.metrics import Metric
from albert_lab.scoring.metrics import SCORES, score
from albert_lab.scoring.predictions import Prediction
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train.heads import make_head
from albert_lab.train.heads.evaluate import evaluate
from albert_lab.train.heads.head import Head
from albert_lab.train.light_imports import compute_deterministically
from albert_lab.train.matrix_library import choose_matrix_library


def predict_split(folder: Path, split: str, data_root: str | None = None, task: str | None = None) -> list[Prediction]:
    """The answers of the run in `folder` to every example of a split, in the files' order.

    Asked for a split that the run was judged by, these are the answers that it saved, bit for bit, where it was judged
    by the whole split (`train.validation_samples=null`) and trained on one device of the same kind.

    Args:
        data_root: where the benchmark's files are; None: where the run had them.
        task: another task of the same benchmark, with the same labels: "ax" for a run of mnli; None: the run's own.

    Raises:
        UserError: no finished fine-tuned run, a split that isn't there, labels that the run doesn't know.
    """
    config = load_finetuned(folder)
    config = replace(config, data_root=data_root or config.data_root, task=rename_task(config.task, task))
    predictor = Predictor(folder, config)
    return predictor.answer(predictor.benchmark.load(split))


def rename_task(task: TaskConfig, name: str | None) -> TaskConfig:
    """What a run trained for `task` needs to answer the one called `name`; None: the same."""
    if name in (None, task.name):
        return task
    if task.data is None:
        raise UserError(f"task={name}: a run of task={task.name} answers that task alone")
    return replace(task, name=name, files=TaskFiles())


class Predictor:
    """A fine-tuned run, ready to answer examples.

    Attributes:
        benchmark: reads the examples.
        head: of the labels that the run was trained with.
    """

    def __init__(self, folder: Path, config: FinetuneConfig) -> None:
        """Loads no weights yet.

        Args:
            config: the run's own, but for where files are, how fast it runs, the task's name and its `bad_rows`.

        Raises:
            UserError: the benchmark has other labels than the run was trained with.
        """
        self.folder, self.config = folder, config
        self.benchmark = open_benchmark(config)
        model = AlbertConfig.from_pretrained(folder)
        names = [model.id2label[number] for number in range(model.num_labels)]
        tokenizer, length = AlbertTokenizerFast.from_pretrained(folder), find_length(config.task, model)
        self.head: Head[Any] = make_head(self.benchmark.head, tokenizer, config.task, names, length)
        if "id2label" not in self.head.model_options():  # its outputs aren't classes that have names
            names = []
            self.head = make_head(self.benchmark.head, tokenizer, config.task, names, length)
        self.benchmark.take_labels(names)
        record = RunFolder(folder).record()
        assert record is not None
        self.head.tuned = {name: record["validation"].get(name, value) for name, value in self.head.tuned.items()}

    @cached_property
    def model(self) -> AlbertPreTrainedModel:
        """On a GPU where there is one and `trainer.accelerator` isn't cpu."""
        trainer, has_gpu = self.config.trainer, torch.cuda.is_available()
        if trainer.accelerator == "gpu" and not has_gpu:
            raise UserError("trainer.accelerator=gpu: PyTorch finds no GPU; take trainer.accelerator=auto or cpu")
        device = torch.device("cuda" if has_gpu and trainer.accelerator != "cpu" else "cpu")
        torch.set_num_threads(trainer.threads or usable_cores())
        compute_deterministically(compiler=False)
        choose_matrix_library(self.config, device.type == "cpu")
        model: AlbertPreTrainedModel = self.head.model_class.from_pretrained(self.folder, remove_padding=True)
        return model.to(device)

    def answer(self, examples: Examples[Any]) -> list[Prediction]:
        """The answer to each example, in their order."""
        features = self.head.encode(examples.rows)
        found = evaluate(self.head, self.model, features, self.config.train.batch_size)
        return self.head.answer(examples.rows, features, found.outputs)

    def judge(self, predictions: Sequence[Prediction]) -> list[str]:
        """The benchmark's metrics over the examples whose answer is known, and over each group of them, as text."""
        known = [prediction for prediction in predictions if prediction.gold is not None]
        lines = []
        for group in dict.fromkeys(["", *(each.group for each in known)] if known else []):
            members = [each for each in known if group in ("", each.group)]
            for name, value in score(self.benchmark.metrics, members, self.head.label_names).items():
                kind = SCORES[name]
                metric = Metric(name, f"{group} {kind.title}".lstrip(), kind.unit, kind.higher_is_better)
                lines.append(f"{metric.title} {metric.format(value)}")
        return lines
