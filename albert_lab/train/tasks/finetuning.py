"""Fine-tunes a checkpoint on a benchmark, or probes what its frozen encoder knows: the head says what is learnt."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from albert_lab.config.schema import FinetuneConfig
from albert_lab.cost.counts.flops import count_task_flops
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.data.random_bits import permute, random_bits
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.data.tasks.examples import BadRow, Examples
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import find_length
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.runs.metrics import Metric
from albert_lab.scoring.metrics import SCORES, score, score_groups
from albert_lab.scoring.predictions import Prediction, write_predictions
from albert_lab.storage.files import write_text
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train.heads import make_head
from albert_lab.train.heads.evaluate import evaluate
from albert_lab.train.heads.features import Features, TrainingSamples
from albert_lab.train.tasks.task import Figures, Task

log = logging.getLogger(__name__)
LOADING = logging.getLogger("albert_lab.model.torch.checkpoint")


@dataclass(frozen=True)
class HeldOut:
    """One of the splits that a run is judged by."""

    examples: Examples[Any]
    features: Features
    prefix: str  # of its figures; "" for the main one
    golds: dict[str, list[Any]]  # by group, "" for all: of the whole split, also where fewer examples judge a run


class FinetuningTask(Task):
    """A checkpoint, a benchmark and the head between them.

    With `task.freeze_encoder` the head alone is trained: a probe of what the encoder knows.
    """

    sums = ("targets", "loss", "hits", "tokens")

    def __init__(self, config: FinetuneConfig) -> None:
        if config.checkpoint is None:
            raise UserError("finetune needs checkpoint=RUN: a run's folder, or another checkpoint's")
        self.config, self.checkpoint = config, config.checkpoint
        self.benchmark = open_benchmark(config)
        self.model_config = AlbertConfig.from_pretrained(config.checkpoint)
        self.tokenizer = AlbertTokenizerFast.from_pretrained(config.checkpoint)
        length = find_length(config.task, self.model_config)
        train = self.benchmark.load("train")
        held_out = {split: self.benchmark.load(split) for split in self.benchmark.held_out}
        self.head = make_head(self.benchmark.head, self.tokenizer, config.task, self.benchmark.label_names, length)
        self.samples = TrainingSamples(
            self.head.encode(train.rows), self.tokenizer.pad_token_id or 0, length, config.train.seed,
            config.train.batch_size if config.task.group_by_length else None,
        )  # fmt: skip
        self.train_examples = train
        self.held_out = [self._hold_out(split, examples) for split, examples in held_out.items()]
        self.predictions: dict[str, list[Prediction]] = {}  # of the latest validation, by split
        self.metrics = self._declare_metrics()

    def _hold_out(self, split: str, examples: Examples[Any]) -> HeldOut:
        rows = draw_sample(examples.rows, self.config.train.validation_samples)
        prefix = "" if split == self.benchmark.held_out[0] else f"{split}_"
        groups = dict.fromkeys(group for row in rows if (group := getattr(row, "group", "")))
        golds = {"": [self.head.gold(row) for row in examples.rows]} | {
            group: [self.head.gold(row) for row in examples.rows if row.group == group] for group in groups
        }
        return HeldOut(Examples(rows, examples.left_out), self.head.encode(rows), prefix, golds)

    def _declare_metrics(self) -> tuple[Metric, ...]:
        """The benchmark's own on every held-out split and its groups, the one that judges first; then the loss."""
        metrics = []
        for split in self.held_out:
            for group, golds in split.golds.items():
                prefix = f"{split.prefix}{group}_" if group else split.prefix
                for kind in (SCORES[name] for name in self.benchmark.metrics):
                    title = f"{prefix.replace('_', ' ')}{kind.title}"
                    is_counted = kind.unit == "share" and kind.points is not None and not group
                    counted = f"{split.prefix}samples" if is_counted else None
                    chance = kind.chance(golds, self.head.label_names)
                    metrics.append(Metric(prefix + kind.name, title, kind.unit, kind.higher_is_better, chance, counted))
        at_chance = (
            "the model does no better than guessing; if that stays, try another optimizer.learning_rate, or "
            "task.freeze_encoder=false"
        )
        chance_loss = self.head.chance_loss()
        unit = "nats" if chance_loss is not None else ""
        return (*metrics, Metric("loss", "loss", unit, False, chance_loss, at_chance=at_chance if unit else ""))

    def make_model(self) -> AlbertPreTrainedModel:
        task = self.config.task
        changes: dict[str, Any] = {"remove_padding": True} | self.head.model_options()
        dropout = 0.0 if task.freeze_encoder else task.dropout  # a probe sees the same features at every step
        if dropout is not None:
            changes |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        if task.classifier_dropout is not None:
            changes["classifier_dropout_prob"] = task.classifier_dropout
        LOADING.setLevel(logging.ERROR)  # a checkpoint without the task's head is what is wanted
        loaded: Any = self.head.model_class.from_pretrained(
            self.checkpoint,
            ignore_mismatched_sizes=True,  # the head of another task, MNLI's for instance
            output_loading_info=True,
            **changes,
        )
        LOADING.setLevel(logging.NOTSET)
        model, info = loaded
        drawn = sorted({*info.missing_keys, *(name for name, *_ in info.mismatched_keys)})
        log.info("weights that the checkpoint lacks, drawn at random: %s", ", ".join(drawn) or "none")
        if task.freeze_encoder:
            model.albert.requires_grad_(False)
        return model

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        loss, hits, _ = self.head.compute(model, batch)
        tokens = batch["attention_mask"].sum()
        sums = torch.stack([each.double() for each in (batch["batch_targets"], loss.detach(), hits, tokens)])
        return loss / batch["step_targets"], sums

    def figures(self, sums: Mapping[str, float]) -> Figures:
        targets = max(sums["targets"], 1)
        figures: Figures = {"loss": sums["loss"] / targets}
        return figures | ({"accuracy": sums["hits"] / targets} if self.head.has_accuracy else {})

    def validate(self, model: nn.Module, rank: int = 0, processes: int = 1) -> Figures:
        """Every metric on every held-out split, as many examples as `train.validation_samples` says."""
        figures: Figures = {}
        for name, split in zip(self.benchmark.held_out, self.held_out, strict=True):
            batch_size = self.config.train.batch_size
            outputs, loss, targets = evaluate(self.head, model, split.features, batch_size, rank, processes)
            predictions = self.head.answer(split.examples.rows, split.features, outputs)
            if not split.prefix:
                predictions = self.head.tune(predictions)
            self.predictions[name] = predictions
            scored = (self.benchmark.metrics, predictions, self.head.label_names)
            scores = score(*scored) | score_groups(*scored)
            figures |= {f"{split.prefix}{metric}": value for metric, value in scores.items()}
            figures |= {f"{split.prefix}samples": len(predictions), f"{split.prefix}loss": loss / max(targets, 1)}
        return figures | self.head.tuned

    def save(self, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        """The checkpoint, the answers to the held-out examples, and the list of rows that were left out."""
        assert isinstance(model, AlbertPreTrainedModel)
        model.save_pretrained(folder, state_dict=weights)
        self.tokenizer.save_pretrained(folder)
        for name, value in self.head.tuned.items():
            log.info("%s %.4g, chosen on %s", name.replace("_", " "), value, self.benchmark.held_out[0])
        for split, predictions in self.predictions.items():
            write_predictions(folder / "predictions" / f"{split}.jsonl", predictions)
        left_out = self._left_out()
        if left_out:
            write_text(folder / "left_out.jsonl", "".join(f"{json.dumps(row._asdict())}\n" for row in left_out))

    def _left_out(self) -> list[BadRow]:
        splits = [self.train_examples, *(split.examples for split in self.held_out)]
        return [row for examples in splits for row in examples.left_out]

    def count_cost(self, model: nn.Module) -> dict[str, Any]:
        assert isinstance(model, AlbertPreTrainedModel)
        layer_map, length = model.config.layer_map, self.head.max_seq_length
        counts, unique = count_parameters(model.config, layer_map), model.num_parameters()
        task, labels = self.config.task, model.config.num_labels
        flops = count_task_flops(
            model.config, layer_map, self.head.flops, 1, length, labels, task.freeze_encoder, task.pooling
        )
        return {
            "parameters": {"unique": unique, "applied": unique + counts.applied - counts.unique},
            "flops_per_token": {"forward": flops.forward / length, "training": flops.training / length},
        }

    def count_examples(self) -> dict[str, int]:
        return {"examples": len(self.train_examples.rows)}

    def describe(self) -> list[str]:
        sizes = [len(split.examples.rows) for split in self.held_out]
        held_out = ", ".join(f"{size:,} {name}" for name, size in zip(self.benchmark.held_out, sizes, strict=True))
        train = f"{len(self.train_examples.rows):,} examples to train on"
        lines = [f"{self.config.task.name}: {train}; held out: {held_out}"]
        names = self.head.label_names
        if names:
            lines.append(f"{len(names)} labels: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}")
        if len(self.samples) != len(self.train_examples.rows):
            lines.append(f"{len(self.samples):,} windows of at most {self.head.max_seq_length} tokens to train on")
        left_out = self._left_out()
        if left_out:
            lines.append(f"{len(left_out)} malformed rows left out, listed in left_out.jsonl; the first: {left_out[0]}")
        return lines


def draw_sample(rows: list[Any], count: int | None) -> list[Any]:
    """`count` of the rows, the same ones for every run, in their order: a file may be sorted by label. None: all."""
    if count is None or count >= len(rows):
        return rows
    key = random_bits(np.zeros(1, np.uint64), 0)
    return [rows[place] for place in np.sort(permute(np.arange(count), len(rows), np.repeat(key, count)))]


TASK = FinetuningTask
