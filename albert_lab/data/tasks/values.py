"""What the fields of a record must be to make an example; where one isn't, the record is malformed."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from albert_lab.data.tasks.examples import Examples, Row
from albert_lab.data.tasks.records import Records
from albert_lab.errors import nearest

Value = TypeVar("Value")


class BadValue(Exception):  # noqa: N818 (not an error where task.bad_rows=leave_out)
    """Why a record makes no example."""


def read_rows(
    records: Records, columns: Sequence[str], name: str | None, make: Callable[[str, Sequence[Any]], Row]
) -> Examples[Row]:
    """An example of every record; a record that makes none goes to `records.checks`.

    Args:
        columns: what `make` needs the values of.
        name: the column that names a record; None: its number, from 0, is its name.
        make: an example of the record's name and values; raises BadValue.
    """
    checks, rows = records.checks, list[Row]()
    lines: dict[str, int] = {}  # of the names so far
    for line, values in records.select([*columns, *([] if name is None else [name])]):
        try:
            if name is None:
                identifier = str(len(rows) + len(checks.left_out))
            else:
                identifier = class_name(values[-1], name)
                if lines.setdefault(identifier, line) != line:
                    raise BadValue(f"{name} {identifier!r} is that of line {lines[identifier]} too")
            rows.append(make(identifier, values))
        except BadValue as reason:
            checks.refuse(line, str(reason))
    return Examples(rows, tuple(checks.left_out))


def text(value: Any, column: str) -> str:
    """A text that isn't empty, as it stands."""
    if not isinstance(value, str):
        raise BadValue(f"{column} is {describe(value)}, not a text")
    if not value or value.isspace():
        raise BadValue(f"{column} is empty")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadValue(f"{column} has half of a surrogate pair, which is not a character") from None
    return value


def score(value: Any, column: str, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadValue(f"{column} is {describe(value)}, not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise BadValue(f"{column} {value!r} is not a number") from None
    if not math.isfinite(number):
        raise BadValue(f"{column} is {number}")
    if not least <= number <= most:
        raise BadValue(f"{column} {number:g} is not between {least:g} and {most:g}")
    return number


def class_name(value: Any, column: str) -> str:
    """The name of a class: a text, or a whole number or truth value that stands for one."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not value.is_integer():
            raise BadValue(f"{column} is {value:g}, not a label; task.kind=regression takes such numbers")
        return str(int(value))  # whole numbers with a gap among them are floats in pandas' files
    if not isinstance(value, str | int):
        raise BadValue(f"{column} is {describe(value)}, not one label")
    if value == "":
        raise BadValue(f"{column} is empty")
    return str(value)


def class_number(name: str, numbers: Mapping[str, int], column: str) -> int:
    """The class called `name`. `numbers`: those of the known classes."""
    try:
        return numbers[name]
    except KeyError:
        raise BadValue(f"{column} {name!r} is no known label{nearest(name, numbers)}") from None


def describe(value: Any) -> str:
    """What a value is, in words of JSON."""
    kinds = {type(None): "null", bool: "a truth value", list: "a list", dict: "an object", str: "a text"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
