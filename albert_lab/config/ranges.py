"""The least and the most that each number of the schema may be; nan and infinity are never allowed."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from albert_lab.errors import UserError


class Range(NamedTuple):
    """The numbers that a setting may be.

    A `most` with a reason is generous: a larger number is a slip that would fill the memory or never end.
    """

    least: float
    most: float = math.inf
    example: float | None = None  # a usual value, for the message
    without_least: bool = False  # `least` itself is too small
    without_most: bool = False  # `most` itself is too large
    reason: str = ""  # why nothing larger makes sense

    def contains(self, value: float) -> bool:
        above = value > self.least or (value == self.least and not self.without_least)
        below = value < self.most or (value == self.most and not self.without_most)
        return math.isfinite(value) and above and below  # nan is neither

    def describe(self, value: float) -> str:
        """What a value outside must be: `at least 1`, `at most 10000 (...)`, `between 0 and 1`, `above 0, finite`."""
        lower = f"above {self.least:g}" if self.without_least else f"at least {self.least:g}"
        if self.reason:
            return f"at most {self.most} ({self.reason})" if value > self.most else lower
        if self.most == math.inf:
            return lower if math.isfinite(value) else f"{lower} and finite"
        if self.without_least or self.without_most:
            return f"{lower} and {'below' if self.without_most else 'at most'} {self.most:g}"
        return f"between {self.least:g} and {self.most:g}"


def check_numbers(settings: Mapping[str, Any]) -> None:
    """Raises UserError for the first number outside its range.

    Args:
        settings: values, or lists of them, by their keys on the command line; None is not checked.
    """
    for key, setting in settings.items():
        for value in setting if isinstance(setting, list) else [setting]:
            if key in RANGES and value is not None and not RANGES[key].contains(value):
                raise UserError(_explain(key, value))


def _explain(key: str, value: float) -> str:
    allowed = RANGES[key]
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    hint = "" if allowed.example is None else f", as in {key}={allowed.example:g}"
    closed = not (allowed.without_least or allowed.without_most or allowed.reason)
    if closed and math.isfinite(value) and allowed.most < math.inf:
        hint = f"; nearest: {min(max(value, allowed.least), allowed.most):g}"
    return f"{key}={shown} must be {allowed.describe(value)}{hint}"


MOST_LAYERS = 10_000
MOST_GROUPS = Range(1, MOST_LAYERS, reason="a layer each; the deepest published transformer has 1000 layers")
WIDTH = Range(1, 2**17, reason="the widest published transformers have some 20000")
COUNT = Range(1, 2**40, reason="more than anyone can train on")
PROBABILITY = Range(0, 1, 0.1)
SHARE = Range(0, 1, 0.4, without_least=True)
SPEED = Range(0, example=1e12, without_least=True)

RANGES = {
    "model.vocab_size": Range(1, 2**24, reason="the largest published vocabularies have a million pieces"),
    "model.embedding_size": WIDTH,
    "model.hidden_size": WIDTH,
    "model.num_hidden_layers": Range(1, MOST_LAYERS, reason="the deepest published transformer has 1000"),
    "model.num_attention_heads": WIDTH,
    "model.intermediate_size": Range(1, 2**19, reason="four times the widest model"),
    "model.hidden_dropout_prob": PROBABILITY,
    "model.attention_probs_dropout_prob": PROBABILITY,
    "model.classifier_dropout_prob": PROBABILITY,
    "model.max_position_embeddings": Range(1, 2**22, reason="attention over more takes terabytes"),
    "model.type_vocab_size": Range(1, 2**16, reason="a sample has two segments"),
    "model.output_embedding_size": WIDTH,
    "model.lora_rank": Range(0, 2**17, reason="no more than the hidden size"),
    "model.adapter_size": Range(0, 2**17, reason="an adapter is narrower than the model"),
    "model.initializer_range": Range(0, example=0.02),
    "model.layer_norm_eps": Range(0, example=1e-12),
    "sharing.num_hidden_groups": MOST_GROUPS,
    "sharing.inner_group_num": MOST_GROUPS,
    "sharing.num_blocks": MOST_GROUPS,
    "sharing.repeats": MOST_GROUPS,
    "objective.max_seq_length": Range(8, 2**22, reason="attention over more takes terabytes"),
    "objective.short_seq_prob": PROBABILITY,
    "objective.masked_lm_prob": PROBABILITY,
    "objective.max_predictions_per_seq": Range(1, 2**22, reason="no sequence has more tokens"),
    "objective.ngram": Range(1, 1000, reason="longer than a sequence's words"),
    "objective.mask_token_prob": PROBABILITY,
    "objective.random_token_prob": PROBABILITY,
    "task.max_seq_length": Range(8, 2**22, reason="attention over more takes terabytes"),
    "task.max_query_length": Range(1, 2**22, reason="no text has more tokens"),
    "task.doc_stride": Range(1, 2**22, reason="no text has more tokens"),
    "task.n_best": Range(1, 10_000, reason="no question has as many answers worth a look"),
    "task.max_answer_length": Range(1, 2**22, reason="no text has more tokens"),
    "task.dropout": PROBABILITY,
    "task.classifier_dropout": PROBABILITY,
    "data.max_documents": Range(2, 2**40, reason="no corpus has more documents"),
    "data.held_out": Range(0, 1, 0.02, without_least=True, without_most=True),
    "tokenizer.vocab_size": Range(1, 2**24, reason="the largest published vocabularies have a million pieces"),
    "tokenizer.character_coverage": Range(0, 1, 0.99995, without_least=True),
    "tokenizer.training_sentences": Range(1, 2**31 - 1, reason="more than SentencePiece can count"),
    "optimizer.learning_rate": Range(0, example=1e-3, without_least=True),
    "optimizer.weight_decay": Range(0, example=0.01),
    "optimizer.beta1": Range(0, 1, 0.9, without_most=True),
    "optimizer.beta2": Range(0, 1, 0.999, without_most=True),
    "optimizer.eps": Range(0, example=1e-6, without_least=True),
    "optimizer.gradient_clip_norm": Range(0, example=1),
    "optimizer.warmup_steps": Range(0, 2**40, reason="more than anyone can train"),
    "optimizer.warmup_share": PROBABILITY,
    "optimizer.decay_power": Range(0, example=1),
    "train.seed": Range(0, 2**63 - 1, reason="random generators take 63 bits"),
    "train.batch_size": Range(1, 2**20, reason="the largest published batches have 65536 sequences"),
    "train.budget.steps": COUNT,
    "train.budget.epochs": Range(0, 10**6, 3, without_least=True, reason="more than anyone can train"),
    "train.budget.tokens": Range(1, 2**60, reason="more than anyone can train on"),
    "train.budget.seconds": Range(0, 10**10, 600, without_least=True, reason="three centuries"),
    "train.validate_every_steps": COUNT,
    "train.validation_samples": Range(1, 2**31 - 1, reason="no validation takes more"),
    "train.patience": COUNT,
    "finetune.seeds": Range(1, 1000, reason="a run each"),
    "finetune.jobs": Range(1, 4096, reason="no machine runs as many side by side"),
    "trainer.devices": Range(1, 2**16, reason="the largest clusters have fewer"),
    "trainer.micro_batch_size": Range(1, 2**20, reason="no more than train.batch_size"),
    "trainer.threads": Range(1, 4096, reason="no machine has as many cores"),
    "trainer.workers": Range(0, 256, reason="each is a process with a copy of the libraries"),
    "trainer.checkpoint_every_seconds": Range(0, example=60),
    "trainer.checkpoint_every_steps": COUNT,
    "trainer.log_every_steps": COUNT,
    "trainer.health_check_step": Range(0, 2**40, reason="no training has as many steps"),
    "tracking.port": Range(1, 65535, 5000),
    "study.seeds": Range(0, 2**63 - 1, reason="random generators take 63 bits"),
    "study.jobs": Range(1, 4096, reason="no machine runs as many side by side"),
    "hardware.fp32_flops_per_second": SPEED,
    "hardware.bf16_flops_per_second": SPEED,
    "hardware.memory_bytes": Range(0, example=80e9, without_least=True),
    "hardware.memory_bytes_per_second": SPEED,
    "hardware.link_bytes_per_second": SPEED,
    "hardware.floor_bytes": Range(0, example=0),
    "hardware.watts": Range(0, example=400),
    "hardware.price_per_hour": Range(0, example=2),
    "cost.mfu": SHARE,
    "cost.real_tokens": SHARE,
}
