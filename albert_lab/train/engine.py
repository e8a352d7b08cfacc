"""One training, from a run's folder to its record."""

import logging
import warnings
from datetime import UTC, datetime
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.distributed as dist

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import SentenceObjective
from albert_lab.cost.memory.measured import saved_activation_bytes, state_bytes
from albert_lab.cost.variant import cost_of
from albert_lab.data.prepare import open_samples, prepare
from albert_lab.data.store.token_store import unigram_entropy
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.report.statistics import wilson
from albert_lab.runs import machine
from albert_lab.runs.folder import RunFolder
from albert_lab.storage.files import write_json
from albert_lab.tokenizer import AlbertTokenizer
from albert_lab.train.budget import Budget, Clock
from albert_lab.train.callbacks.checkpoints import Checkpoints, check_strategy, newest
from albert_lab.train.callbacks.health import HealthCheck
from albert_lab.train.callbacks.meter import Meter, validate
from albert_lab.train.callbacks.progress import Progress
from albert_lab.train.compiler import compile_layers
from albert_lab.train.data_module import PretrainingData
from albert_lab.train.distributed.strategies import lightning_precision, make_strategy
from albert_lab.train.kernel import choose_kernel
from albert_lab.train.light_imports import compute_deterministically
from albert_lab.train.record import make_record, static_figures
from albert_lab.train.tasks.pretraining import PretrainingTask
from albert_lab.train.tasks.scores import score, to_tensors
from albert_lab.train.tracking.journal import Journal
from albert_lab.train.warm_start import warm_start

log = logging.getLogger(__name__)

VALIDATION_SEED = 0  # held-out samples and their masks are the same for every run


class Stopped(Exception):  # noqa: N818 (not an error)
    """The training was told to stop and has saved its state."""


def run(folder: RunFolder, config: PretrainConfig) -> None:
    """Trains what `config` describes, from the newest checkpoint if there is one, and writes the record."""
    started = _now()
    training = Training(folder, config)
    training.fit()
    training.finish(started)
    if dist.is_initialized():
        dist.barrier()  # no rank leaves while another still needs it
        dist.destroy_process_group()


class Training:
    """The parts of one training and how they meet."""

    def __init__(self, folder: RunFolder, config: PretrainConfig) -> None:
        self.folder, self.config = folder, config
        self.layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
        self.cost = cost_of(config)
        prepared = prepare(config)
        self.tokenizer_file = prepared.tokenizer_file
        self.samples = open_samples(config, prepared, "train")
        self.held_out = open_samples(config, prepared, "held_out", seed=VALIDATION_SEED)
        self.unigram_entropy = unigram_entropy(prepared.store, "held_out")
        self.budget = Budget(config.train, config.objective.max_seq_length)
        share = config.train.batch_size // config.trainer.devices
        self.micro_batch_size = config.trainer.micro_batch_size or share
        self.accumulate = share // self.micro_batch_size
        self.meter = Meter(config, self.held_out)
        self.checkpoints = Checkpoints(folder.checkpoints, config.trainer)
        self.journal = Journal(folder, config)
        self.trainer = self._trainer()
        choose_kernel(config, self.trainer.strategy.root_device.type == "cpu")
        self.floor_bytes = machine.resident_bytes()  # every library is loaded, no model is there yet
        self.task = PretrainingTask(self._model(), config, self.budget)

    def _model(self) -> AlbertForPreTraining:
        torch.manual_seed(self.config.train.seed)
        with_head = self.config.objective.sentence is not SentenceObjective.none
        model = AlbertForPreTraining(
            AlbertConfig.of(self.config.model, self.layer_map, remove_padding=True), add_sentence_head=with_head
        )
        if self.config.warm_start.checkpoint is not None:
            warm_start(model, self.config.warm_start, self.tokenizer_file)
        if self.config.trainer.gradient_checkpointing:
            model.gradient_checkpointing_enable()
        return model

    def _trainer(self) -> L.Trainer:
        _quiet_lightning()
        compute_deterministically(compiler=self.config.trainer.compile)
        # Else every new buffer is filled: 40 times slower under DeepSpeed.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        config = self.config
        callbacks: list[L.Callback] = [self.meter, Clock(self.budget)]
        callbacks += [HealthCheck(self.meter, config.trainer.health_check_step, self.unigram_entropy)]
        callbacks += [Progress(self.meter, self.budget, config.trainer.progress_bar), self.checkpoints]
        return L.Trainer(
            accelerator=config.trainer.accelerator,
            devices=config.trainer.devices,
            strategy=make_strategy(config.trainer, config.train.precision, self.micro_batch_size),
            precision=lightning_precision(config.trainer, config.train.precision),
            max_steps=self.budget.total_steps or -1,
            accumulate_grad_batches=self.accumulate,
            gradient_clip_val=config.optimizer.gradient_clip_norm,
            callbacks=callbacks,
            logger=self.journal,
            default_root_dir=self.folder.path,
            benchmark=False,
            use_distributed_sampler=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
        )

    def fit(self) -> None:
        """Raises Stopped when told to stop before the budget is spent."""
        checkpoint = newest(self.folder.checkpoints)
        check_strategy(checkpoint, self.config.trainer)
        done = int(checkpoint.name.removeprefix("step-")) if checkpoint else 0
        self.journal.rewind(done)
        self._introduce(done)
        data = PretrainingData(self.samples, self.config.train.batch_size, self.accumulate, self.config.trainer.workers)
        self.activation_bytes = self._activation_bytes()
        if self.config.trainer.compile:  # after the measurement, which is of eager code on the CPU
            compile_layers(self.task.model, self.trainer.strategy.root_device.type)
        self.trainer.fit(self.task, data, ckpt_path=checkpoint, weights_only=False if checkpoint else None)
        self.meter.finish(self.trainer)
        if self.checkpoints.was_stopped and not self.budget.is_spent(self.trainer.global_step):
            self.journal.flush()
            raise Stopped
        self.checkpoints.save(self.trainer)

    def _introduce(self, done: int) -> None:
        """Logs what was derived from the configuration."""
        figures, train = static_figures(self.cost), self.config.train
        unique, applied = figures["parameters"]["unique"], figures["parameters"]["applied"]
        log.info("%s", self.layer_map.describe())
        log.info("parameters: %s unique, %s applied", f"{unique:,}", f"{applied:,}")
        log.info("training FLOPs per token: %s", f"{figures['flops_per_token']['training']:,.0f}")
        positions = train.batch_size * self.config.objective.max_seq_length
        log.info("%d sequences a step, at most %s tokens; %s", train.batch_size, f"{positions:,}", self._length())
        if done:
            log.info("going on from step %d", done)

    def _length(self) -> str:
        steps = self.budget.total_steps
        return f"{steps:,} steps" if steps else f"{self.budget.total_seconds:,.0f} seconds"

    def _activation_bytes(self) -> int:
        """What one process keeps for the backward pass of its first micro-batch, measured."""
        batch = to_tensors(self.samples.batch(np.arange(self.micro_batch_size)), torch.device("cpu"))
        return saved_activation_bytes(self.task.model, lambda: score(self.task.model, batch))

    def finish(self, started: str) -> None:
        """Judges the trained model, then writes weights, record and the end of the MLflow run."""
        trainer = self.trainer
        self.task.to(trainer.strategy.root_device)  # Lightning moved it to the CPU
        figures = validate(self.task, self.held_out, self.config, trainer.global_rank, trainer.world_size)
        if not trainer.is_global_zero:
            return
        figures["unigram_entropy"] = self.unigram_entropy
        record = make_record(self.config, self.folder, self._figures(figures), started, _now())
        self._save_model()
        write_json(self.folder.result, record)
        if self.journal.sender is not None:
            self.journal.sender.send(finished=True)
        log.info("%s", summary(record))

    def _save_model(self) -> None:
        """Makes the folder a checkpoint that `from_pretrained` reads, vocabulary included."""
        self.task.model.save_pretrained(self.folder.path)
        tokenizer = self.config.tokenizer
        AlbertTokenizer(
            str(self.tokenizer_file),
            do_lower_case=tokenizer.do_lower_case,
            keep_accents=tokenizer.keep_accents,
            model_max_length=self.config.model.max_position_embeddings,
        ).save_pretrained(self.folder.path)

    def _figures(self, validation: dict[str, Any]) -> dict[str, Any]:
        last = self.meter.last
        return {
            **static_figures(self.cost),
            "memory_bytes": {
                "peak": machine.peak_resident_bytes(),
                "floor": self.floor_bytes,
                **state_bytes(self.cost.parameters),
                "activations": self.activation_bytes,
            },
            "speed": {
                "tokens_per_second": self.meter.tokens_per_second(self.trainer.world_size),
                "step_seconds": self.meter.median_step_seconds(),
            },
            "training": {
                "steps": self.trainer.global_step,
                "tokens": self.meter.tokens,
                "seconds": round(self.budget.seconds, 3),
                "mlm_loss": last.get("train/mlm_loss"),
            },
            "validation": validation,
        }


def summary(record: dict[str, Any]) -> str:
    """The record's main figures in a few words."""
    held_out, speed = record["validation"], record["speed"]["tokens_per_second"]
    text = (
        f"held-out MLM loss {held_out['mlm_loss']:.3f} nats (unigram entropy {held_out['unigram_entropy']:.3f}), "
        f"MLM accuracy {held_out['mlm_accuracy']:.1%}"
    )
    if held_out["sentence_accuracy"] is not None:
        low, high = wilson(held_out["sentence_accuracy"], held_out["sentence_samples"])
        text += f", sentence accuracy {held_out['sentence_accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})"
    return text if speed is None else f"{text}; {speed:,.0f} tokens/s"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _quiet_lightning() -> None:
    """Leaves out Lightning's advice: what it advises on is set on purpose."""
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
