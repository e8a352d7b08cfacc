"""Hydra overrides, checked against a verb's schema before Hydra composes: an unknown name fails with the nearest."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from albert_lab.config.folders import CONF_FOLDER, SWEEPS_FOLDER
from albert_lab.config.plain import flatten
from albert_lab.config.schema import VERBS
from albert_lab.errors import UserError, first_line, nearest

# `GROUP=[]` takes none
OPTIONAL_GROUPS = ("release", "warm_start", "embedding", "block", "preset", "hardware", "study")
HINTS = {
    "hardware": "; for another device add a YAML file to conf/hardware, or set hardware.memory_bytes=... and so on"
}
LIST_GROUPS = ("block",)  # `GROUP=[ONE,OTHER]` takes both

_STEPS = "train.budget.steps"
_NO_EPOCHS = f"{_STEPS}, or train.budget.tokens or train.budget.seconds: training isn't counted in epochs"
_PASSES = "trainer.micro_batch_size: sequences in one pass; train.batch_size, those in a step, stays"
ALIASES = {  # what users of Hugging Face, Lightning and Hydra templates type -> our setting, with a remark if needed
    "lr": "optimizer.learning_rate",
    "learning_rate": "optimizer.learning_rate",
    "optimizer.lr": "optimizer.learning_rate",
    "model.optimizer.lr": "optimizer.learning_rate",
    "weight_decay": "optimizer.weight_decay",
    "warmup_steps": "optimizer.warmup_steps",
    "max_grad_norm": "optimizer.gradient_clip_norm",
    "trainer.gradient_clip_val": "optimizer.gradient_clip_norm",
    "seed": "train.seed",
    "batch_size": "train.batch_size",
    "data.batch_size": "train.batch_size",
    "steps": _STEPS,
    "max_steps": _STEPS,
    "trainer.max_steps": _STEPS,
    "epochs": _NO_EPOCHS,
    "num_train_epochs": _NO_EPOCHS,
    "trainer.max_epochs": _NO_EPOCHS,
    "trainer.max_time": "train.budget.seconds",
    "per_device_train_batch_size": _PASSES,
    "gradient_accumulation_steps": _PASSES,
    "trainer.accumulate_grad_batches": _PASSES,
    "precision": "train.precision",
    "trainer.precision": "train.precision",
    "trainer.num_nodes": "trainer.devices, the processes of one machine: a run can't use several machines",
    "gpus": "trainer.devices",
    "trainer.gpus": "trainer.devices",
    "trainer.log_every_n_steps": "trainer.log_every_steps",
    "trainer.val_check_interval": "train.validate_every_steps",
    "logging_steps": "trainer.log_every_steps",
    "eval_steps": "train.validate_every_steps",
    "save_steps": "trainer.checkpoint_every_steps",
    "model.num_layers": "model.num_hidden_layers",
    "model.num_heads": "model.num_attention_heads",
    "model.dropout": "model.hidden_dropout_prob",
    "model.hidden_dropout": "model.hidden_dropout_prob",
    "model.attention_dropout": "model.attention_probs_dropout_prob",
    "max_seq_length": "objective.max_seq_length",
    "vocab_size": "tokenizer.vocab_size",
}
CHOICE_ALIASES = {  # the same for a group's choices
    "model=bert": "model=base model.embedding_size=768 sharing=none objective=nsp",
    "model=albert": "model=base",
}


def check_overrides(verb: str, arguments: Sequence[str]) -> None:
    """Raises UserError for the first override that names an unknown key or choice, or adds or deletes one."""
    for argument in arguments:
        try:
            override = OverridesParser.create().parse_override(argument)
        except HydraException as error:
            raise UserError(f"can't read {argument!r}: write KEY=VALUE ({first_line(error)})") from error
        _check(verb, override)


def _check(verb: str, override: Override) -> None:
    key = override.key_or_group
    if key.split(".")[0].split("/")[0] == "hydra":
        return  # Hydra's own settings, checked by Hydra
    keys = list_keys(verb)
    if override.is_add() or override.is_force_add() or override.is_delete():
        sign = override.input_line[: override.input_line.index(key)] if override.input_line else "+"
        hint = f"; write {key}=VALUE to set it" if key in keys else _suggest(key, verb)
        raise UserError(f"{sign}{key}: the schema is closed, nothing can be added or deleted{hint}")
    if key in list_groups(verb):
        _check_choice(override)
    elif key not in keys and key.rpartition(".")[0] not in _open_keys(verb):
        others = [other for other in VERBS if key in list_keys(other) or key in list_groups(other)]
        if others:
            raise UserError(f"`albert-lab {verb}` does not take {key!r}; it belongs to {', '.join(others)}")
        raise UserError(f"unknown key {key!r}{_suggest(key, verb)}")


def _suggest(key: str, verb: str) -> str:
    """Our setting for a name of another library's, or the nearest key or group."""
    meant = ALIASES.get(key, "")
    if re.split("[,: ]", meant)[0] in list_keys(verb):
        return f"; here it is {meant}"
    return nearest(key, [*list_keys(verb), *list_groups(verb)])


def _check_choice(override: Override) -> None:
    group = override.key_or_group
    if override.is_sweep_override():
        values = [str(value) for value in override.sweep_string_iterator()] if override.is_discrete_sweep() else []
    else:
        values = [override.get_value_element_as_str()]
    for name in (name for value in values for name in _names(group, value)):
        if group in OPTIONAL_GROUPS and name == "null":
            raise UserError(f"no {group}=null; write {group}=[] for none")
        if name.startswith("["):
            raise UserError(f"no {group}={name}: {group} takes one choice; several are --multirun {group}=A,B")
        if name not in list_choices()[group]:
            meant = CHOICE_ALIASES.get(f"{group}={name}")
            suggestion = f"; here it is {meant}" if meant else nearest(name, list_choices()[group])
            raise UserError(f"no {group}={name}{suggestion}{HINTS.get(group, '')}")


def _names(group: str, value: str) -> list[str]:
    """The choices that a value names: one, or those of a list where the group takes lists."""
    if value == "[]" and group in OPTIONAL_GROUPS:
        return []
    if value.startswith("[") and group in LIST_GROUPS:
        return value[1:-1].replace(" ", "").split(",")
    return [value]


@cache
def list_choices() -> dict[str, list[str]]:
    """The names each configuration group offers: the YAML files of its folder."""
    folders = [folder for folder in CONF_FOLDER.iterdir() if folder.is_dir()] + [SWEEPS_FOLDER / "study"]
    return {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders}


@cache
def list_groups(name: str) -> frozenset[str]:
    """The groups that `conf/NAME.yaml` and the files that it inherits from choose of."""
    file = CONF_FOLDER / f"{name}.yaml"
    if not file.exists():
        return frozenset()  # a schema
    groups: set[str] = set()
    for entry in OmegaConf.load(file).defaults:
        if isinstance(entry, str):
            groups |= list_groups(entry) if entry != "_self_" else set()
        else:
            groups |= {str(key).removeprefix("optional ") for key in entry if not str(key).startswith("override ")}
    return frozenset(groups)


def describe_choices(verb: str) -> str:
    """The groups of a verb with their choices, a line each."""
    return "\n".join(f"  {group}: {', '.join(list_choices()[group])}" for group in sorted(list_groups(verb)))


@cache
def list_keys(verb: str) -> frozenset[str]:
    """Every key of the verb's schema, dotted."""
    return frozenset(_defaults(verb))


@cache
def _open_keys(verb: str) -> frozenset[str]:
    """The keys that hold a mapping: what stands in it is the user's own."""
    return frozenset(key for key, value in _defaults(verb).items() if isinstance(value, dict))


@cache
def _defaults(verb: str) -> dict[str, Any]:
    return flatten(VERBS[verb]())
