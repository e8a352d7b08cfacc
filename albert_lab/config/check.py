"""Checks beyond types: sizes that divide, probabilities that add up, settings that depend on each other."""

import logging
import re
from dataclasses import fields
from pathlib import Path

from albert_lab.config.plain import flatten
from albert_lab.config.ranges import check_numbers
from albert_lab.config.schema import (
    EstimateConfig,
    FinetuneConfig,
    PretrainConfig,
    RunConfig,
    TaskEstimateConfig,
    TrainerConfig,
)
from albert_lab.config.training import (
    BudgetConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TokenizerConfig,
    TrainConfig,
)
from albert_lab.config.variant import DepthSignal, LoraStart, ModelConfig, PositionEmbedding, WarmStartConfig
from albert_lab.errors import UserError, nearest

log = logging.getLogger(__name__)

ACCELERATORS = ("auto", "cpu", "gpu")
MOST_PROCESSES = 128  # of a run on one machine; an estimate may be for a cluster
ONE_PROCESS = "single"  # the strategy that takes one device alone


def check(config: RunConfig) -> None:
    """Raises UserError for the first impossible setting; warns of the merely unusual.

    The layer map has its own checks, where it is made (`model.layer_map`).
    """
    check_numbers(flatten(config))
    check_study_name(config.study.name)
    if isinstance(config, PretrainConfig):
        check_model(config.model)
        _warn_of_the_unusual(config.model)
        _check_warm_start(config.warm_start, config.model)
        _check_objective(config.objective, config.model)
        _check_vocabulary_size(config.model, config.tokenizer)
    if isinstance(config, FinetuneConfig):
        _check_task(config)
    _check_budget(config.train)
    _check_optimizer(config.optimizer, config.train.budget)
    _check_strategy(config.trainer)
    is_estimate = isinstance(config, (EstimateConfig, TaskEstimateConfig))
    if config.trainer.devices > 1 and not is_estimate:  # an estimate compares all strategies
        _check_several_processes(config.trainer)
    _check_batch(config.train, config.trainer)


def check_study_name(name: str | None) -> None:
    """It names a folder, and MLflow searches by it: its queries have no way to escape a quote."""
    if name is not None and not re.fullmatch(r"[\w-][\w.-]*", name):
        nearest_name = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "study"
        raise UserError(f"study.name={name!r} may have letters, digits, - . and _ alone; nearest: {nearest_name}")


def check_model(model: ModelConfig) -> None:
    """Raises UserError for a size that no model can have."""
    check_numbers({f"model.{item.name}": getattr(model, item.name) for item in fields(ModelConfig)})
    heads, hidden = model.num_attention_heads, model.hidden_size
    if hidden % heads:
        raise UserError(
            f"model.hidden_size={hidden} is not divisible by model.num_attention_heads={heads}; "
            f"nearest: {nearest_multiple(hidden, heads)}"
        )
    _check_own_weights(model)


def _check_own_weights(model: ModelConfig) -> None:
    """The sizes of what every layer may have of its own: LoRA and adapters."""
    most = model.hidden_size  # at that rank the addition can be any matrix
    if model.lora_rank > most:
        raise UserError(f"model.lora_rank={model.lora_rank} must be 0 to {most}, the hidden size; nearest: {most}")
    if model.lora_bias and not model.lora_rank:
        raise UserError("model.lora_bias=true needs a model.lora_rank above 0, as in model.lora_rank=8")


def _warn_of_the_unusual(model: ModelConfig) -> None:
    if model.embedding_size > model.hidden_size:
        log.warning(
            "model.embedding_size=%d is larger than model.hidden_size=%d: the factorisation costs more than it saves",
            model.embedding_size,
            model.hidden_size,
        )
    if model.position_embedding_type is PositionEmbedding.none and model.depth_signal is DepthSignal.none:
        log.warning("model.position_embedding_type=none without a model.depth_signal: the order of words is lost")


def _check_warm_start(start: WarmStartConfig, model: ModelConfig) -> None:
    if start.checkpoint is None and start != WarmStartConfig():
        raise UserError("warm_start needs warm_start.checkpoint=RUN: a run's folder, or another checkpoint's")
    if start.checkpoint is not None and start.blocks is None:
        raise UserError("warm_start.checkpoint needs warm_start.blocks=first, average or stepwise")
    if start.lora is LoraStart.svd and not model.lora_rank:
        raise UserError("warm_start.lora=svd needs a model.lora_rank above 0, as in block=lora")


def nearest_multiple(value: int, factor: int) -> int:
    """The positive multiple of `factor` closest to `value`; the smaller one of two equally close."""
    below = value // factor * factor
    return below if below and value - below <= below + factor - value else below + factor


def _check_objective(objective: ObjectiveConfig, model: ModelConfig) -> None:
    if model.type_vocab_size < 2:
        raise UserError(f"model.type_vocab_size={model.type_vocab_size} must be at least 2: a sample is a pair")
    if objective.max_seq_length > model.max_position_embeddings:
        raise UserError(
            f"objective.max_seq_length={objective.max_seq_length} is longer than "
            f"model.max_position_embeddings={model.max_position_embeddings}; nearest: {model.max_position_embeddings}"
        )
    total = objective.mask_token_prob + objective.random_token_prob
    if total > 1:
        raise UserError(
            f"objective.mask_token_prob + objective.random_token_prob = {total:g} is over 1; "
            f"nearest: objective.random_token_prob={1 - objective.mask_token_prob:g}"
        )


def _check_vocabulary_size(model: ModelConfig, tokenizer: TokenizerConfig) -> None:
    if model.vocab_size != tokenizer.vocab_size:
        raise UserError(
            f"model.vocab_size={model.vocab_size} differs from tokenizer.vocab_size={tokenizer.vocab_size}; "
            "set tokenizer.vocab_size alone, the model follows"
        )


def _check_task(config: FinetuneConfig) -> None:
    task = config.task
    if config.checkpoint is None and not isinstance(config, TaskEstimateConfig):
        raise UserError("finetune needs checkpoint=RUN: a run's folder, or another checkpoint's")
    data, known = task.data or task.name, list_benchmarks()
    if data not in known:
        raise UserError(f"no task.{'data' if task.data else 'name'}={data}{nearest(data, known)}")


def list_benchmarks() -> list[str]:
    """The names that `task.data` may have: the files of `data/tasks/` that hold a benchmark."""
    files = (Path(__file__).parents[1] / "data" / "tasks").glob("*.py")
    return sorted(file.stem for file in files if "\nBENCHMARK = " in file.read_text(encoding="utf-8"))


def _check_optimizer(optimizer: OptimizerConfig, budget: BudgetConfig) -> None:
    steps = budget.steps
    if steps is not None and optimizer.warmup_steps > steps:
        raise UserError(
            f"optimizer.warmup_steps={optimizer.warmup_steps} is more than train.budget.steps={steps}; nearest: {steps}"
        )
    if optimizer.warmup_share is not None and optimizer.warmup_steps:
        raise UserError(
            f"optimizer.warmup_share={optimizer.warmup_share:g} and optimizer.warmup_steps={optimizer.warmup_steps} "
            "say the same in two ways; set optimizer.warmup_share=null or optimizer.warmup_steps=0"
        )


def _check_budget(train: TrainConfig) -> None:
    given = {k: v for k, v in vars(train.budget).items() if v is not None}
    if len(given) != 1:
        found = ", ".join(f"{k}={v}" for k, v in given.items()) or "none"
        raise UserError(
            f"train.budget needs exactly one of steps, epochs, tokens, seconds, but has {found}; "
            "set the others to null, as in train.budget.steps=null train.budget.seconds=600"
        )


def list_strategies() -> list[str]:
    """The names that `trainer.strategy` may have: the files of `train/distributed/`."""
    files = (Path(__file__).parents[1] / "train" / "distributed").glob("*.py")
    return sorted(file.stem for file in files if file.stem not in ("__init__", "base"))


def _check_strategy(trainer: TrainerConfig) -> None:
    if trainer.accelerator not in ACCELERATORS:
        raise UserError(f"no trainer.accelerator={trainer.accelerator}{nearest(trainer.accelerator, ACCELERATORS)}")
    known = list_strategies()
    if trainer.strategy not in known:
        raise UserError(f"no trainer.strategy={trainer.strategy}{nearest(trainer.strategy, known)}")


def _check_several_processes(trainer: TrainerConfig) -> None:
    if trainer.strategy == ONE_PROCESS:
        others = [f"trainer={name}" for name in list_strategies() if name != ONE_PROCESS]
        raise UserError(f"trainer.devices={trainer.devices} needs a strategy: {' or '.join(others)}")
    if trainer.devices > MOST_PROCESSES:
        raise UserError(f"trainer.devices={trainer.devices} must be at most {MOST_PROCESSES} on one machine")


def _check_batch(train: TrainConfig, trainer: TrainerConfig) -> None:
    if train.batch_size % trainer.devices:
        raise UserError(
            f"train.batch_size={train.batch_size} does not divide among trainer.devices={trainer.devices}; "
            f"nearest: {nearest_multiple(train.batch_size, trainer.devices)}"
        )
    share, micro = train.batch_size // trainer.devices, trainer.micro_batch_size
    if micro is not None and share % micro:
        divisors = [d for d in range(1, share + 1) if share % d == 0]
        best = min(divisors, key=lambda d: abs(d - micro))
        raise UserError(
            f"trainer.micro_batch_size={micro} does not divide a process's share of {share} sequences; nearest: {best}"
        )
