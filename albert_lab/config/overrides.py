"""Hydra overrides, checked against the schema before Hydra composes: unknown names fail with the nearest known one."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from albert_lab.config.compose import CONF_FOLDER, SWEEPS_FOLDER
from albert_lab.config.schema import PretrainConfig
from albert_lab.errors import UserError, first_line, nearest

OPTIONAL_GROUPS = ("warm_start", "embedding", "block", "preset", "hardware", "study")  # `GROUP=[]` takes none
HINTS = {
    "hardware": "; an own one is a YAML like those in conf/hardware, or hardware.memory_bytes=... and its other numbers"
}
LIST_GROUPS = ("block",)  # `GROUP=[ONE,OTHER]` takes both


def check_overrides(arguments: Sequence[str]) -> None:
    """Raises UserError for the first override that names an unknown key or choice, or adds or deletes one."""
    for argument in arguments:
        _check(_parsed(argument))


def _parsed(argument: str) -> Override:
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException as error:
        raise UserError(f"can't read {argument!r}: write KEY=VALUE ({first_line(error)})") from error


def _check(override: Override) -> None:
    key = override.key_or_group
    if key.split(".")[0].split("/")[0] == "hydra":
        return  # Hydra's own settings, checked by Hydra
    if override.is_add() or override.is_force_add() or override.is_delete():
        sign = override.input_line[: override.input_line.index(key)] if override.input_line else "+"
        raise UserError(f"{sign}{key}: the schema is closed, nothing can be added or deleted{_hint(key)}")
    if key in choices_by_group():
        _check_choice(override)
    elif key not in known_keys() and key.rpartition(".")[0] not in open_keys():
        raise UserError(f"unknown key {key!r}{nearest(key, [*known_keys(), *choices_by_group()])}")


def _hint(key: str) -> str:
    if key in known_keys():
        return f"; write {key}=VALUE to set it"
    return nearest(key, known_keys())


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
        if name not in choices_by_group()[group]:
            raise UserError(f"no {group}={name}{nearest(name, choices_by_group()[group])}{HINTS.get(group, '')}")


def _names(group: str, value: str) -> list[str]:
    """The choices that a value names: one, or those of a list where the group takes lists."""
    if value == "[]" and group in OPTIONAL_GROUPS:
        return []
    if value.startswith("[") and group in LIST_GROUPS:
        return value[1:-1].replace(" ", "").split(",")
    return [value]


@cache
def choices_by_group() -> dict[str, list[str]]:
    """The names each configuration group offers: the YAML files of its folder."""
    folders = [folder for folder in CONF_FOLDER.iterdir() if folder.is_dir()] + [SWEEPS_FOLDER / "study"]
    return {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders}


@cache
def known_keys() -> frozenset[str]:
    """Every key of the schema, dotted."""
    return frozenset(_keys(PretrainConfig()))


@cache
def open_keys() -> frozenset[str]:
    """The keys that hold a mapping: what stands in it is the user's own."""
    return frozenset(key for key in known_keys() if isinstance(_default(key), dict))


def _default(key: str) -> object:
    node: object = PretrainConfig()
    for part in key.split("."):
        node = getattr(node, part)
    return node


def _keys(node: object, prefix: str = "") -> list[str]:
    keys = []
    for item in fields(node):  # type: ignore[arg-type]
        value = getattr(node, item.name)
        keys += _keys(value, f"{prefix}{item.name}.") if is_dataclass(value) else [prefix + item.name]
    return keys
