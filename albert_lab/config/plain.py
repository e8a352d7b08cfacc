"""A configuration as plain data: names in place of enum members, nested as in YAML or flat as on the command line."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from typing import Any


def to_plain(value: Any) -> Any:
    """The same settings as dictionaries, lists and names, as JSON holds them."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_plain(asdict(value))
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return value.name if isinstance(value, Enum) else value


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Every setting under its key on the command line: `{"model.embedding_size": 128, ...}`."""
    settings: dict[str, Any] = {}
    for item in fields(config):
        key, value = f"{prefix}{item.name}", getattr(config, item.name)
        settings |= flatten(value, f"{key}.") if is_dataclass(value) else {key: to_plain(value)}
    return settings


def flatten_plain(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same for settings that are plain already, as a record or a YAML file has them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten_plain(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
