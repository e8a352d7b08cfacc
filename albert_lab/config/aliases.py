"""What users of Hugging Face's Trainer, Lightning, nanoGPT and lightning-hydra-template type, and what it is here."""

import re

_STEPS = "train.budget.steps"
_EPOCHS = f"train.budget.epochs, with {_STEPS}=null where that is set"
_PASSES = "trainer.micro_batch_size: sequences in one pass; train.batch_size, those in a step, stays"
_VALIDATE = "train.validate_every_steps"
_WARM_START = "warm_start.checkpoint, as in warm_start=first warm_start.checkpoint=RUN"
_ZERO = "trainer.strategy, as in trainer=zero2 trainer.devices=2"

SETTINGS = {  # a name, without or with a group before it -> our setting, with a remark if needed
    "accelerator": "trainer.accelerator",
    "accumulate_grad_batches": _PASSES,
    "adam_beta1": "optimizer.beta1",
    "adam_beta2": "optimizer.beta2",
    "adam_epsilon": "optimizer.eps",
    "attention_dropout": "model.attention_probs_dropout_prob",
    "attn_pdrop": "model.attention_probs_dropout_prob",
    "batch_size": "train.batch_size",
    "beta1": "optimizer.beta1",
    "beta2": "optimizer.beta2",
    "bf16": "train.precision, as in train.precision=bf16",
    "block_size": "objective.max_seq_length",
    "compile": "trainer.compile",
    "config_name": "model, a group: model=base, or sizes such as model.hidden_size=768",
    "data_dir": "data.files, as in data=text data.files=[corpus/*.txt]",
    "data_seed": "train.seed",
    "dataloader_num_workers": "trainer.workers",
    "dataset": "data, a group: data=text data.files=[corpus/*.txt]",
    "dataset_config_name": "data.dataset_config",
    "dataset_name": "data.dataset, as in data=hub data.dataset=NAME",
    "deepspeed": _ZERO,
    "device": "trainer.accelerator",
    "devices": "trainer.devices",
    "dropout": "model.hidden_dropout_prob",
    "dtype": "train.precision",
    "early_stopping": "train.patience, a number of validations",
    "early_stopping_patience": "train.patience, a number of validations",
    "epochs": _EPOCHS,
    "eval_interval": _VALIDATE,
    "eval_iters": "train.validation_samples: validation is counted in samples",
    "eval_steps": _VALIDATE,
    "eval_strategy": _VALIDATE,
    "evaluation_strategy": _VALIDATE,
    "fp16": "train.precision, which is fp32 or bf16: float16 isn't offered",
    "fsdp": _ZERO,
    "gpus": "trainer.devices",
    "grad_clip": "optimizer.gradient_clip_norm",
    "gradient_accumulation_steps": _PASSES,
    "gradient_checkpointing": "trainer.gradient_checkpointing",
    "gradient_clip_val": "optimizer.gradient_clip_norm",
    "hidden_dropout": "model.hidden_dropout_prob",
    "init_from": _WARM_START,
    "learning_rate": "optimizer.learning_rate",
    "limit_train_batches": _STEPS,
    "limit_val_batches": "train.validation_samples: validation is counted in samples",
    "load_best_model_at_end": "train.keep, as in train.keep=best",
    "log_every_n_steps": "trainer.log_every_steps",
    "log_interval": "trainer.log_every_steps",
    "logger": "tracking, a group: tracking=local or none",
    "logging_dir": "paths.runs: a run's log is in its folder",
    "logging_steps": "trainer.log_every_steps",
    "lr": "optimizer.learning_rate",
    "lr_scheduler_type": "optimizer.decay_power: polynomial decay to 0 after warm-up; 1 is linear",
    "mask_prob": "objective.masked_lm_prob",
    "max_epochs": _EPOCHS,
    "max_grad_norm": "optimizer.gradient_clip_norm",
    "max_iters": _STEPS,
    "max_length": "objective.max_seq_length",
    "max_seq_length": "objective.max_seq_length",
    "max_steps": _STEPS,
    "max_time": "train.budget.seconds",
    "max_train_samples": "data.max_documents",
    "mlm_probability": "objective.masked_lm_prob",
    "model_name_or_path": _WARM_START,
    "n_embd": "model.hidden_size",
    "n_head": "model.num_attention_heads",
    "n_layer": "model.num_hidden_layers",
    "num_heads": "model.num_attention_heads",
    "num_layers": "model.num_hidden_layers",
    "num_nodes": "trainer.devices, the processes of one machine: a run can't use several machines",
    "num_processes": "trainer.devices",
    "num_train_epochs": _EPOCHS,
    "num_workers": "trainer.workers",
    "optim": "optimizer, a group: optimizer=adamw, lamb, adamw_standard or lamb_standard",
    "out_dir": "paths.runs: a run's folder under it is named by its settings",
    "output_dir": "paths.runs: a run's folder under it is named by its settings",
    "per_device_eval_batch_size": "trainer.micro_batch_size",
    "per_device_train_batch_size": _PASSES,
    "precision": "train.precision",
    "profile": "cost, a verb: `albert-lab cost`",
    "project": "tracking.experiment",
    "report_to": "tracking, a group: tracking=local (MLflow) or none",
    "run_name": "tracking.run_name",
    "save_steps": "trainer.checkpoint_every_steps",
    "seed": "train.seed",
    "steps": _STEPS,
    "strategy": "trainer.strategy",
    "task_name": "task.name",
    "tokenizer_name": "tokenizer.model_file",
    "torch_compile": "trainer.compile",
    "train_file": "data.files, as in data=text data.files=[corpus/*.txt]",
    "val_check_interval": _VALIDATE,
    "validation_split_percentage": "data.held_out, a share",
    "vocab_size": "tokenizer.vocab_size",
    "wandb_log": "tracking, a group: tracking=local (MLflow) or none",
    "wandb_project": "tracking.experiment",
    "warmup_iters": "optimizer.warmup_steps",
    "warmup_ratio": "optimizer.warmup_share",
    "warmup_steps": "optimizer.warmup_steps",
    "weight_decay": "optimizer.weight_decay",
}
ABSENT = {  # a name that has no counterpart -> why
    "always_save_checkpoint": "checkpoints follow trainer.checkpoint_every_seconds and trainer.checkpoint_every_steps",
    "backend": "the backend follows the device: NCCL on GPUs, Gloo on CPUs",
    "bias": "every linear map has a bias, as in the paper",
    "ckpt_path": "the same command resumes its own run; warm_start.checkpoint starts from another's weights",
    "dataloader_drop_last": "a step's samples are drawn by their number, so no batch is ever short",
    "ddp_backend": "the backend follows the device: NCCL on GPUs, Gloo on CPUs",
    "debug": "scale=smoke is a run of seconds",
    "decay_lr": "the learning rate always decays; optimizer.decay_power=0 keeps it constant",
    "deterministic": "runs are always deterministic",
    "do_eval": "validation follows train.validate_every_steps",
    "do_predict": "a run's folder is a checkpoint that from_pretrained reads",
    "do_train": "the verb says what is done: pretrain, finetune",
    "enable_checkpointing": "every run keeps its newest checkpoint, so that it can resume",
    "enable_progress_bar": "write trainer.progress_bar=false",
    "fast_dev_run": "scale=smoke is a run of seconds",
    "hparams_search": "study=search --multirun searches; see docs/studies.md",
    "hub_model_id": "nothing is uploaded; `albert-lab export RUN FOLDER` writes what the hub takes",
    "label_smoothing_factor": "the paper has none",
    "local_rank": "the launcher sets ranks; choose trainer.devices",
    "lr_decay_iters": "the learning rate decays until the end of train.budget",
    "metric_for_best_model": "a task's first metric judges; study.measures says what a search optimizes",
    "min_lr": "the learning rate decays to 0; optimizer.decay_power shapes it",
    "min_steps": "train.budget is exact",
    "overwrite_output_dir": "a run's folder is named by its settings; the same command resumes or returns it",
    "overfit_batches": "data.max_documents makes the corpus small",
    "push_to_hub": "nothing is uploaded; `albert-lab export RUN FOLDER` writes what the hub takes",
    "remove_unused_columns": "a task chooses what it reads",
    "resume": "the same command resumes an interrupted run",
    "resume_from_checkpoint": "the same command resumes an interrupted run",
    "save_safetensors": "weights are always safetensors",
    "save_strategy": "checkpoints follow trainer.checkpoint_every_seconds and trainer.checkpoint_every_steps",
    "save_top_k": "a run keeps its newest checkpoint",
    "save_total_limit": "a run keeps its newest checkpoint",
    "sync_batchnorm": "there is no batch norm",
    "tags": "tracking.run_name names a run in MLflow",
    "tf32": "float32 products are exact; train.precision=bf16 is faster",
    "use_cpu": "write trainer.accelerator=cpu",
    "no_cuda": "write trainer.accelerator=cpu",
}
CHOICES = {  # the same for a group's choices: a regular expression over GROUP=CHOICE, and what to write
    r"model=(?:\w+/)?bert.*": "experiment=bert",
    r"model=albert": "model=base",
    r"model=(?:\w+/)?albert[-_](?P<size>base|large|xlarge|xxlarge)(?:[-_](?P<version>v[12]))?": "model={size}",
    r"optimizer=adam(?:w_.*)?": "optimizer=adamw_standard",
    r"trainer=(?:fsdp|deepspeed.*|zero[13]?)": "trainer=zero2",
    r"trainer=(?P<accelerator>gpu|cpu)": "trainer.accelerator={accelerator}",
    r"trainer=(?:ddp_.*|dp)": "trainer=ddp",
    r"tracking=(?:mlflow|local_mlflow)": "tracking=local",
    r"objective=(?:bert|mlm_nsp)": "objective=nsp",
    r"objective=albert": "objective=sop",
    r"sharing=(?:albert|shared)": "sharing=all",
    r"sharing=(?:bert|unshared)": "sharing=none",
    r"scale=(?:debug|test)": "scale=smoke",
}
_GROUPS = ("args", "callbacks", "data", "logger", "model", "optimizer", "scheduler", "train", "trainer", "training")


def find_setting(key: str) -> str | None:
    """Our setting for another library's name, `lr` or `trainer.max_steps`, with a remark if it needs one."""
    return _look_up(SETTINGS, key)


def explain_absence(key: str) -> str | None:
    """Why nothing here corresponds to a name of another library's."""
    return _look_up(ABSENT, key)


def _look_up(names: dict[str, str], key: str) -> str | None:
    first, _, last = key.rpartition(".")
    return names.get(last) if not first or first.split(".")[0] in _GROUPS else None


def find_choice(choice: str) -> str | None:
    """What to write for `GROUP=CHOICE` of another library's."""
    for pattern, ours in CHOICES.items():
        if match := re.fullmatch(pattern, choice):
            version = match.groupdict().get("version")
            return ours.format(**match.groupdict()) + (f" release={version}" if version else "")
    return None
