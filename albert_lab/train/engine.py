"""One training, from a run's folder to its record, whatever its task."""

import logging
import warnings
from datetime import UTC, datetime
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from torch import Tensor

from albert_lab.config.schema import RunConfig
from albert_lab.config.training import Keep
from albert_lab.cost.memory.measured import state_bytes
from albert_lab.errors import UserError
from albert_lab.report.statistics import wilson_interval
from albert_lab.runs import machine
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.record import make_record
from albert_lab.storage.files import write_json
from albert_lab.train.batches import TrainingData
from albert_lab.train.budget import Budget, Clock
from albert_lab.train.callbacks.best import BestValidation
from albert_lab.train.callbacks.checkpoints import Checkpoints, check_strategy, check_whole, newest, refuse_code
from albert_lab.train.callbacks.health import HealthCheck
from albert_lab.train.callbacks.load import Load
from albert_lab.train.callbacks.meter import Meter
from albert_lab.train.callbacks.progress import Progress
from albert_lab.train.compiler import check_compiler
from albert_lab.train.distributed import load_strategy
from albert_lab.train.light_imports import compute_deterministically
from albert_lab.train.matrix_library import choose_matrix_library
from albert_lab.train.module import TrainingModule
from albert_lab.train.tasks import make_task
from albert_lab.train.tasks.task import Figures
from albert_lab.train.tracking.journal import Journal

log = logging.getLogger(__name__)


class Stopped(Exception):  # noqa: N818 (not an error)
    """The training was told to stop and has saved its state."""


def run(folder: RunFolder, config: RunConfig) -> None:
    """Trains what `config` describes, from the newest checkpoint if there is one, and writes the record.

    Raises Stopped when told to stop before the budget is spent.
    """
    started = _now()
    engine = Engine(folder, config)
    engine.fit()
    engine.finish(started)
    if dist.is_initialized():
        dist.barrier()  # no rank leaves while another still needs it
        dist.destroy_process_group()


class Engine:
    """The parts of one training and how they meet."""

    def __init__(self, folder: RunFolder, config: RunConfig) -> None:
        self.folder, self.config = folder, config
        self.task = make_task(config)
        self.budget = Budget(config.train, self.task.samples)
        split = config.trainer.split_step(config.train.batch_size)
        self.accumulate = split.passes
        self.strategy = load_strategy(config.trainer.strategy)(
            config.trainer, config.train.precision, split.micro_batch
        )
        self.best = BestValidation(folder.best, self.task.metrics[0], config.train, self.strategy)
        self.meter, self.load = Meter(self.task, config, self.best), Load()
        self.checkpoints = Checkpoints(folder.checkpoints, config.trainer, self.meter)
        self.journal = Journal(folder, config, self.task.metrics)
        self.validation: Figures | None = None
        self.weights: dict[str, Tensor] = {}
        self.trainer = self._make_trainer()
        self.device = self.trainer.strategy.root_device
        choose_matrix_library(config, self.device.type == "cpu")
        self.floor_bytes = machine.resident_bytes()  # every library is loaded, no model is there yet
        torch.manual_seed(config.train.seed)
        model = self.task.make_model()
        if config.trainer.gradient_checkpointing:
            self.task.enable_gradient_checkpointing(model)
        self.cost = self.task.count_cost(model)
        partitioned = "optimizer" in self.strategy.shards
        self.module = TrainingModule(model, self.task, config, self.budget, partitioned)

    def _make_trainer(self) -> L.Trainer:
        _silence_lightning()
        compute_deterministically(compiler=self.config.trainer.compile)
        # Else every new buffer is filled: 40 times slower under DeepSpeed.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        config, metrics = self.config, self.task.metrics
        if config.trainer.accelerator == "gpu" and torch.cuda.device_count() < config.trainer.devices:
            raise UserError(
                f"trainer.accelerator=gpu trainer.devices={config.trainer.devices}: PyTorch finds "
                f"{torch.cuda.device_count()} GPUs; take fewer devices, or trainer.accelerator=cpu"
            )
        return L.Trainer(
            accelerator=config.trainer.accelerator,
            devices=config.trainer.devices,
            strategy=self.strategy.build(),
            precision=self.strategy.lightning_precision(),
            max_steps=self.budget.total_steps or -1,
            accumulate_grad_batches=self.accumulate,
            gradient_clip_val=config.optimizer.gradient_clip_norm,
            callbacks=[
                self.best,
                self.meter,
                self.load,
                Clock(self.budget),
                HealthCheck(self.meter, metrics, config.trainer.health_check_step, self._warmup_steps()),
                Progress(self.meter, metrics, self.budget, config.trainer.progress_bar),
                self.checkpoints,
                _JudgeAtEnd(self),
            ],
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

    def _warmup_steps(self) -> int:
        optimizer, total = self.config.optimizer, self.budget.total_steps
        return optimizer.warmup_steps or round((optimizer.warmup_share or 0) * (total or 0))

    def fit(self) -> None:
        """Trains to the end of the budget. Raises Stopped when told to stop before."""
        checkpoint = newest(self.folder.checkpoints)
        check_strategy(checkpoint, self.config.trainer.strategy)
        check_whole(checkpoint)
        done = int(checkpoint.name.removeprefix("step-")) if checkpoint else 0
        self.journal.rewind(done)
        self._introduce(done)
        train, trainer = self.config.train, self.config.trainer
        data = TrainingData(self.task.samples, train.batch_size, self.accumulate, trainer.workers)
        if trainer.compile:
            check_compiler(self.device.type)
            self.task.compile_layers(self.module.model)
            log.info("the first step compiles the layers")
        with refuse_code(checkpoint):
            self.trainer.fit(self.module, data, ckpt_path=checkpoint, weights_only=True if checkpoint else None)
        if self._was_stopped():
            self.journal.close(finished=False)
            raise Stopped

    def _was_stopped(self) -> bool:
        return self.checkpoints.was_stopped

    def judge(self) -> None:
        """Saves the last checkpoint, validates, and gathers the weights; in every process, at the end of training.

        Raises TrainingDivergedError where a validation figure is not finite: such a run is never recorded as done.
        """
        self.meter.finish()
        if self._was_stopped():
            return
        self.checkpoints.save(self.trainer)
        self.checkpoints.stop_listening()
        model = self.module.model
        self.validation = self.meter.validate(self.trainer, model)
        if self.config.train.keep is Keep.best and self.best.step != self.trainer.global_step:
            log.info("back to step %s, the best of all validations", self.best.step)
            self.best.restore(model)
            self.validation = self.task.validate(model, self.trainer.global_rank, self.trainer.world_size)
        self.weights = self.strategy.gather_weights(model)

    def _introduce(self, done: int) -> None:
        """Logs what follows from the configuration."""
        for line in self.task.describe():
            log.info("%s", line)
        parameters = self.cost["parameters"]
        log.info("parameters: %s unique, %s applied", f"{parameters['unique']:,}", f"{parameters['applied']:,}")
        log.info("training FLOPs per token: %s", f"{self.cost['flops_per_token']['training']:,.0f}")
        sequences, steps = self.config.train.batch_size, self.budget.total_steps
        positions = sequences * self.task.samples.max_seq_length
        length = f"{steps:,} steps" if steps else f"{self.budget.total_seconds:,.0f} seconds"
        log.info("%d sequences a step, at most %s tokens; %s", sequences, f"{positions:,}", length)
        if done:
            log.info("going on from step %d", done)

    def finish(self, started: str) -> None:
        """Writes weights, record and the end of the MLflow run."""
        if self.validation is None:  # an earlier attempt did the last step, so Lightning had nothing to train
            self.module.to(self.device)
            self.judge()
        assert self.validation is not None
        if not self.trainer.is_global_zero:
            return
        self.task.save(self.folder.path, self.module.model, self.weights)
        sections, metrics = self._measure(self.validation), self.task.metrics
        write_json(self.folder.result, make_record(self.config, self.folder, metrics, sections, started, _now()))
        self.folder.best.unlink(missing_ok=True)
        self.journal.close(finished=True)
        log.info("%s", self._summarize(self.validation))

    def _measure(self, validation: Figures) -> dict[str, Any]:
        """The record's sections of figures."""
        processes = self.trainer.world_size
        trained = sum(weight.numel() for weight in self.module.model.parameters() if weight.requires_grad)
        state = state_bytes(self.cost["parameters"]["unique"], trained)
        held = {kind: -(-size // processes) if kind in self.strategy.shards else size for kind, size in state.items()}
        return {
            **self.cost,
            "memory_bytes": {
                "peak": machine.peak_resident_bytes(),
                "floor": self.floor_bytes,
                **held,
                "activations": self.module.activation_bytes,
            },
            "speed": {
                "tokens_per_second": self.meter.tokens_per_second(processes),
                "step_seconds": self.meter.median_step_seconds(),
                "timed_steps": self.meter.timed_steps,
                **self.load.figures(),
            },
            "training": {
                "steps": self.trainer.global_step,
                "best_step": self.best.step,
                **self.task.count_examples(),
                "tokens": self.meter.tokens,
                "seconds": round(self.budget.seconds, 3),
                **{metric.name: self.meter.last.get(f"train/{metric.name}") for metric in self.task.metrics},
            },
            "validation": validation,
        }

    def _summarize(self, validation: Figures) -> str:
        """`held-out MLM accuracy 9.9 % (95 % interval 9.1 % to 10.8 %), MLM loss 6.139 nats (chance 6.801 nats)`."""
        parts = []
        for metric in self.task.metrics:
            value = validation.get(metric.name)
            if value is None:
                continue
            text = f"{metric.title} {metric.format(value)}"
            samples = validation.get(metric.counted_by) if metric.counted_by else None
            if samples:
                low, high = wilson_interval(value, int(samples))
                text += f" (95 % interval {metric.format(low)} to {metric.format(high)})"
            elif metric.chance is not None:
                text += f" (chance {metric.format(metric.chance)})"
            parts.append(text)
        speed = self.meter.tokens_per_second(self.trainer.world_size)
        return f"held-out {', '.join(parts)}" + (f"; {speed:,.0f} tokens/s" if speed else "")


class _JudgeAtEnd(L.Callback):
    """Judges the model while the strategy still holds it, whether whole or in shards."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.engine.judge()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _silence_lightning() -> None:
    """Leaves out Lightning's advice: what it advises on is set on purpose."""
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
