"""Rows made equally long, and a batch that was tokenized before padded as a DataLoader's collate function needs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from albert_lab.errors import UserError

Rows = dict[str, list[Any]]


def pad_rows(rows: Rows, length: int | None, side: str, values: Mapping[str, Any]) -> Rows:
    """Every row of the keys in `values` as long as `length`, the value of its key at the padded places.

    side: where padding goes. length: None, or less than a row's own, leaves the row as it is.
    """
    if length is None:
        return rows
    if side not in ("left", "right"):
        raise UserError(f"padding_side={side!r}; known: left, right")
    padded = dict(rows)
    for key in values.keys() & rows.keys():
        missing = [[values[key]] * (length - len(row)) for row in rows[key]]
        pairs = zip(rows[key], missing, strict=True)
        padded[key] = [row + more if side == "right" else more + row for row, more in pairs]
    return padded


def padded_length(lengths: Sequence[int], padding: str, max_length: int | None, multiple: int | None) -> int | None:
    """How long rows of these lengths become; None where nothing is padded."""
    if padding == "do_not_pad" or not lengths:
        return None
    length = max(lengths) if padding == "longest" else max_length
    if length is None:
        return None
    return -(-length // multiple) * multiple if multiple else length


def as_lists(given: Any, first: str) -> tuple[Rows, str | None]:
    """(columns of lists, "pt" or "np" where they were tensors) of a batch, a row, or a list of rows.

    Raises: UserError where the key `first` is missing.
    """
    if isinstance(given, list | tuple) and given and isinstance(given[0], Mapping):
        given = {key: [row[key] for row in given] for key in given[0]}
    if not isinstance(given, Mapping) or first not in given:
        known = ", ".join(given) if isinstance(given, Mapping) else type(given).__name__
        raise UserError(f"pad needs {first!r} among what it is given; found {known or 'nothing'}")
    kinds = {kind for value in given.values() if (kind := _kind(value))}
    return {key: _listed(value) for key, value in given.items()}, min(kinds, default=None)


def _kind(value: Any) -> str | None:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if not hasattr(value, "tolist"):
        return None
    return "np" if type(value).__module__.startswith("numpy") else "pt"


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
