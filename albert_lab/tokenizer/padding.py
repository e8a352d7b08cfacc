"""Rows padded to one length, and inputs of `pad` brought to columns of lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from albert_lab.errors import UserError

Columns = dict[str, list[Any]]  # a row's list for each row, by name


def pad_columns(columns: Columns, length: int, side: str, values: Mapping[str, Any]) -> Columns:
    """Pads every row of the columns in `values` to `length` with that column's value; longer rows stay as they are.

    side: where padding goes.
    """
    if side not in ("left", "right"):
        raise UserError(f"padding_side={side!r}; known: left, right")
    padded = dict(columns)
    for key in values.keys() & columns.keys():
        missing = [[values[key]] * (length - len(row)) for row in columns[key]]
        pairs = zip(columns[key], missing, strict=True)
        padded[key] = [row + more if side == "right" else more + row for row, more in pairs]
    return padded


def compute_padded_length(
    lengths: Sequence[int], padding: str, max_length: int | None, multiple: int | None
) -> int | None:
    """How long rows of these lengths become; None where nothing is padded."""
    if padding == "do_not_pad" or not lengths:
        return None
    length = max(lengths) if padding == "longest" else max_length
    if length is None:
        return None
    return -(-length // multiple) * multiple if multiple else length


def convert_to_columns(given: Any, required: str) -> tuple[Columns, str | None]:
    """(columns of lists, "pt" or "np" where they were tensors) of a batch, a row, or a list of rows.

    Raises: UserError where the key `required` is missing.
    """
    if isinstance(given, list | tuple) and given and isinstance(given[0], Mapping):
        given = {key: [row[key] for row in given] for key in given[0]}
    if not isinstance(given, Mapping) or required not in given:
        known = ", ".join(given) if isinstance(given, Mapping) else type(given).__name__
        raise UserError(f"pad needs {required!r} among what it is given; found {known or 'nothing'}")
    kinds = {kind for value in given.values() if (kind := _tensor_kind(value))}
    return {key: _convert_to_list(value) for key, value in given.items()}, min(kinds, default=None)


def _tensor_kind(value: Any) -> str | None:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if not hasattr(value, "tolist"):
        return None
    return "np" if type(value).__module__.startswith("numpy") else "pt"


def _convert_to_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_convert_to_list(item) for item in value] if isinstance(value, list | tuple) else value
