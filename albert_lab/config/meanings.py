"""What a setting means: the comment on its line in the schema, for `--help`."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints


class Setting(NamedTuple):
    """A setting of the schema, as a reader needs it."""

    key: str  # "model.hidden_act"
    meaning: str
    choices: dict[str, str]  # the names of an enumeration, with their meanings


def list_settings(schema: type, prefix: str = "") -> list[Setting]:
    """Every setting of a configuration class, in the order of its groups."""
    settings = []
    hints = get_type_hints(schema)
    for item in fields(schema):
        kind, key = hints[item.name], f"{prefix}{item.name}"
        if isinstance(kind, type) and is_dataclass(kind):
            settings += list_settings(kind, f"{key}.")
        else:
            settings.append(Setting(key, meaning_of(schema, item.name), _choices(kind)))
    return settings


def summarize(schema: type) -> str:
    """The first sentence or line of a class's docstring; nothing where it has none of its own."""
    documented = inspect.getdoc(schema) or ""
    return "" if documented.startswith(f"{schema.__name__}(") else documented.split("\n")[0]


def meaning_of(schema: type, name: str) -> str:
    """The comment on the line of a field or a member, in the class or the one it inherits from."""
    return next((comments[name] for kind in schema.__mro__ if name in (comments := _comments(kind))), "")


def _choices(kind: Any) -> dict[str, str]:
    for option in (kind, *get_args(kind)):
        if isinstance(option, type) and issubclass(option, Enum):
            return {member.name: meaning_of(option, member.name) for member in option}
    return {}


@cache
def _comments(schema: type) -> dict[str, str]:
    """The comments of a class by the names that they stand beside; none where its source isn't at hand."""
    try:
        source = textwrap.dedent(inspect.getsource(schema))
    except (OSError, TypeError):
        return {}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    by_line = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    body = next(node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {
        target.id: re.sub(r"`", "", by_line[node.end_lineno])
        for node in body
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.end_lineno in by_line
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name)
    }
