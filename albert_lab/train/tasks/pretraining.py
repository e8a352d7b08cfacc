"""ALBERT's pre-training: masked words, and the order of two segments (paper section 3.1)."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from albert_lab.config.schema import PretrainConfig
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.cost.counts.variant import count_variant
from albert_lab.data.prepare import open_samples, prepare
from albert_lab.data.samples.pretraining import Samples
from albert_lab.data.store.token_store import unigram_entropy
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.runs.machine import check_weights_fit
from albert_lab.runs.metrics import Metric
from albert_lab.tokenizer import AlbertTokenizer
from albert_lab.train.batches import Arrays, StepPlan
from albert_lab.train.tasks.scores import score
from albert_lab.train.tasks.task import Figures, Task, sum_over_samples
from albert_lab.train.warm_start import warm_start

log = logging.getLogger(__name__)

VALIDATION_SEED = 0  # held-out samples and their masks are the same for every run


class PretrainingSamples:
    """Samples with the count that a step's masked-word loss is divided by: its planned predictions."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def max_seq_length(self) -> int:
        return self.samples.objective.max_seq_length

    def batches(self, groups: Sequence[np.ndarray]) -> list[Arrays]:
        batches = self.samples.batches(groups)
        return [{**batch._asdict(), "step_mask_budget": np.array(batch.mask_budget.sum())} for batch in batches]

    def plan(self, indices: np.ndarray) -> StepPlan:
        lengths, budgets = self.samples.plan(indices)
        return StepPlan(lengths, {"step_mask_budget": int(budgets.sum())})


class PretrainingTask(Task):
    """Masked language modelling plus the sentence task, weights 1:1 (Google's `run_pretraining.py`).

    Losses are divided by the counts of the whole step: the planned number of masks and the batch size. So a step's
    gradient is the same however the batch is split among processes and micro-batches.
    """

    sums = ("mlm_tokens", "mlm_loss", "mlm_hits", "sentence_samples", "sentence_loss", "sentence_hits", "tokens")

    def __init__(self, config: PretrainConfig) -> None:
        self.config = config
        prepared = prepare(config.data, config.tokenizer, Path(config.paths.cache))
        self.tokenizer_file = prepared.tokenizer_file
        self.samples = PretrainingSamples(open_samples(prepared, config.objective, config.train.seed))
        self.held_out = PretrainingSamples(open_samples(prepared, config.objective, VALIDATION_SEED, "held_out"))
        self.unigram_entropy = unigram_entropy(prepared.store, "held_out")
        self.has_sentence_task = config.objective.has_sentence_task
        self.layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
        self.metrics = self._declare_metrics()

    def _declare_metrics(self) -> tuple[Metric, ...]:
        words = (
            Metric("mlm_accuracy", "MLM accuracy", "share", higher_is_better=True, counted_by="mlm_tokens"),
            Metric(
                "mlm_loss", "MLM loss", "nats", higher_is_better=False, chance=self.unigram_entropy,
                at_chance="the model knows no more than word frequencies; if that stays, try another "
                "optimizer.learning_rate or a longer optimizer.warmup_steps",
            ),
        )  # fmt: skip
        sentences = (
            Metric(
                "sentence_accuracy", "sentence accuracy", "share", higher_is_better=True, chance=0.5,
                counted_by="sentence_samples",
            ),
            Metric(
                "sentence_loss", "sentence loss", "nats", higher_is_better=False, chance=math.log(2),
            ),
        )  # fmt: skip
        return words + (sentences if self.has_sentence_task else ())

    def make_model(self) -> AlbertForPreTraining:
        """Raises: UserError where this machine's memory can't hold the weights."""
        check_weights_fit(count_parameters(self.config.model, self.layer_map, self.has_sentence_task).unique)
        albert_config = AlbertConfig.of(self.config.model, self.layer_map, remove_padding=True)
        model = AlbertForPreTraining(albert_config, add_sentence_head=self.has_sentence_task)
        if self.config.warm_start.checkpoint is not None:
            warm_start(model, self.config.warm_start, self.tokenizer_file)
        return model

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        scores = score(model, batch)
        loss = scores.mlm_loss / batch["step_mask_budget"] + scores.sentence_loss / self.config.train.batch_size
        return loss, scores.sums

    def figures(self, sums: Mapping[str, float]) -> Figures:
        """`mlm_loss`, `mlm_accuracy`, `mlm_tokens` and the same for the sentence task (None without one)."""
        masked, pairs = sums["mlm_tokens"], sums["sentence_samples"]
        return {
            "mlm_loss": sums["mlm_loss"] / max(masked, 1),
            "mlm_accuracy": sums["mlm_hits"] / max(masked, 1),
            "mlm_tokens": int(masked),
            "sentence_loss": sums["sentence_loss"] / pairs if pairs else None,
            "sentence_accuracy": sums["sentence_hits"] / pairs if pairs else None,
            "sentence_samples": int(pairs),
        }

    def validate(self, model: nn.Module, rank: int = 0, processes: int = 1) -> Figures:
        train = self.config.train
        count = min(train.validation_samples or len(self.held_out), len(self.held_out))
        sums = sum_over_samples(self, model, self.held_out, count, train.batch_size, rank, processes)
        return self.figures(sums)

    def save(self, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        assert isinstance(model, AlbertForPreTraining)
        model.save_pretrained(folder, state_dict=weights)
        tokenizer = self.config.tokenizer
        AlbertTokenizer(
            str(self.tokenizer_file),
            do_lower_case=tokenizer.do_lower_case,
            keep_accents=tokenizer.keep_accents,
            model_max_length=self.config.model.max_position_embeddings,
        ).save_pretrained(folder)

    def count_cost(self, model: nn.Module) -> dict[str, Any]:
        counts = count_variant(self.config.model, self.config.sharing, self.config.objective)
        parameters, flops = counts.parameters, counts.flops_per_token
        return {
            "parameters": {"unique": parameters.unique, "applied": parameters.applied},
            "flops_per_token": {"forward": flops.forward, "training": flops.training},
        }

    def describe(self) -> list[str]:
        return [self.layer_map.describe()]


TASK = PretrainingTask
