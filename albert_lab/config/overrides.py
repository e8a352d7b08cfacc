"""Hydra overrides, checked against a verb's schema before Hydra composes: an unknown name fails with the nearest."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from albert_lab.config.aliases import explain_absence, find_choice, find_setting
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.plain import flatten
from albert_lab.config.schema import VERBS, WRITTEN
from albert_lab.config.sources import Sources
from albert_lab.errors import UserError, first_line, nearest

# `GROUP=[]` takes none
OPTIONAL_GROUPS = ("release", "warm_start", "embedding", "block", "preset", "hardware", "study", "suite", "experiment")
HINTS = {"hardware": "; for another device set hardware.memory_bytes=... and so on, or write hardware/NAME.yaml in a "
                     "folder of yours for --config-dir"}  # fmt: skip
LIST_GROUPS = ("block",)  # `GROUP=[ONE,OTHER]` takes both


def check_overrides(verb: str, arguments: Sequence[str], sources: Sources | None = None) -> None:
    """Raises UserError for the first override that names an unknown key or choice, or adds or deletes one."""
    for argument in arguments:
        _check(verb, parse(argument), sources or Sources())


def parse(argument: str) -> Override:
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException as error:
        raise UserError(f"can't read {argument!r}: write KEY=VALUE ({first_line(error)})") from error


def quote_path(path: Path) -> str:
    """A path as Hydra takes it for a value."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def find_search_path(arguments: Sequence[str]) -> list[str]:
    """The places that `hydra.searchpath=[...]` adds."""
    for override in map(parse, [argument for argument in arguments if argument.startswith("hydra.searchpath=")]):
        places = override.value()
        if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
            raise UserError(f"{override.input_line}: write hydra.searchpath=[FOLDER]")
        return places
    return []


def spell_out(verb: str, argument: str) -> str:
    """An override as Hydra takes it.

    `+experiment=x` is `experiment=x`: a group that a verb knows is chosen, not added. Of two groups that users call
    `scale`, a verb has one: `scale=tiny` of fine-tuning is `finetune_scale=tiny`. To predict, a task is but a name:
    `task=ax` is `task.name=ax`.
    """
    group, equals, choice = argument.removeprefix("+").partition("=")
    if group == "scale" and equals and "finetune_scale" in list_groups(verb):
        return f"finetune_scale={choice}"
    if group == "task" and equals and "task.name" in list_keys(verb) and "task" not in list_groups(verb):
        return f"task.name={choice}"
    return argument.removeprefix("+") if group in list_groups(verb) and group in OPTIONAL_GROUPS else argument


def _check(verb: str, override: Override, sources: Sources) -> None:
    key = override.key_or_group
    if key.split(".")[0].split("/")[0] == "hydra":
        return  # Hydra's own settings, checked by Hydra
    keys = list_keys(verb)
    of_user = any((folder / key).is_dir() for folder in sources.added)
    if override.is_add() and of_user and key not in list_groups(verb):
        _check_choice(override, sources)
    elif override.is_add() or override.is_force_add() or override.is_delete():
        sign = override.input_line[: override.input_line.index(key)] if override.input_line else "+"
        hint = f"; write {key}=VALUE to set it" if key in keys else _suggest(key, verb)
        raise UserError(f"{sign}{key}: the schema is closed, nothing can be added or deleted{hint}")
    elif key in list_groups(verb):
        _check_choice(override, sources)
    elif key not in keys and key.rpartition(".")[0] not in _open_keys(verb):
        takers = [other for other in VERBS if key in list_keys(other) or key in list_groups(other)]
        others = dict.fromkeys(WRITTEN.get(other, other).split()[0] for other in takers)
        if others:
            written = WRITTEN.get(verb, verb)
            raise UserError(f"`albert-lab {written}` does not take {key!r}; it belongs to {', '.join(others)}")
        if of_user:
            raise UserError(f"{key} is a group of your own: write +{override.input_line}")
        raise UserError(f"unknown key {key!r}{_suggest(key, verb)}")


def _suggest(key: str, verb: str) -> str:
    """Our setting for a name of another library's, why there isn't one, or the nearest key or group."""
    meant = find_setting(key) or ""
    if re.split("[,: ]", meant)[0] in {*list_keys(verb), *list_groups(verb), *VERBS}:
        return f"; here it is {meant}"
    absence = explain_absence(key)
    return f"; {absence}" if absence else nearest(key, [*list_keys(verb), *list_groups(verb)])


def _check_choice(override: Override, sources: Sources) -> None:
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
        _check_file(group, name, sources)


def _check_file(group: str, name: str, sources: Sources) -> None:
    files = sources.files(group, name)
    if not files:
        misplaced = [folder for folder in sources.added if (folder / f"{name}.yaml").is_file()]
        if misplaced:
            folder = misplaced[0]
            remedy = f"give its parent {folder.parent}" if folder.name == group else f"move it to {folder / group}"
            raise UserError(f"no {group}={name}: {folder / name}.yaml must be in a folder {group}/; {remedy}")
        meant = find_choice(f"{group}={name}")
        suggestion = f"; here it is {meant}" if meant else nearest(name, sources.choices(group))
        raise UserError(f"no {group}={name}{suggestion}{HINTS.get(group, '')}")
    if len(files) > 1:
        raise UserError(f"{group}={name} is {files[0]}, which hides {files[1]}: give yours another name")


def _names(group: str, value: str) -> list[str]:
    """The choices that a value names: one, or those of a list where the group takes lists."""
    if value == "[]" and group in OPTIONAL_GROUPS:
        return []
    if value.startswith("[") and group in LIST_GROUPS:
        return value[1:-1].replace(" ", "").split(",")
    return [value]


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
