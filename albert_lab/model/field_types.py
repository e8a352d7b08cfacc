"""Checks that a value has its field's type."""

from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from albert_lab.errors import UserError, nearest


def convert_value(name: str, value: Any, kind: Any) -> Any:
    """The value as the field's type; a whole number may stand for a float, a name for one of an enum's choices."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    for each in kinds:
        if isinstance(each, type) and issubclass(each, Enum) and isinstance(value, str):
            return _convert_choice(name, value, each)
        if each is float and type(value) is int:
            return float(value)
        if type(value) is (get_origin(each) or each):
            return value
    wanted = " or ".join(getattr(each, "__name__", str(each)) for each in kinds)
    raise UserError(f"{name}={value!r} must be {wanted}, not {type(value).__name__}")


def _convert_choice(name: str, value: str, choices: type[Enum]) -> Enum:
    try:
        return choices(value)
    except ValueError:
        raise UserError(f"{name}={value!r} is unknown{nearest(value, [each.value for each in choices])}") from None
