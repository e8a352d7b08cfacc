"""The settings that a tokenizer's constructor takes and its folder stores, with their checks."""

from collections.abc import Mapping
from typing import Any

from albert_lab.errors import UserError, nearest

NO_LIMIT = int(1e30)  # `model_max_length` where none is known
SWITCHES = ("do_lower_case", "remove_space", "keep_accents")  # of preprocessing
TYPES: dict[str, type | tuple[type, ...]] = {
    "model_max_length": int,
    "padding_side": str,
    "truncation_side": str,
    "model_input_names": (list, tuple),
    "clean_up_tokenization_spaces": bool,
    "split_special_tokens": bool,
}

# of transformers; they make no difference here
UNUSED = {
    "use_fast", "from_slow", "verbose", "trust_remote_code", "add_prefix_space", "legacy", "resume_download", "proxies",
    "tokenizer_type", "config",
}  # fmt: skip


def check_switches(switches: Mapping[str, Any]) -> None:
    """Raises UserError for a switch that is not a bool."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise UserError(f"{name}={value!r} is neither true nor false")


def check_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without the unused ones, and with `NO_LIMIT` for a `model_max_length` of None.

    Raises: UserError for an unknown name, a value of the wrong type, and an unknown side.
    """
    checked = {name: value for name, value in settings.items() if name not in UNUSED}
    if "max_len" in checked:  # its older name
        checked.setdefault("model_max_length", checked.pop("max_len"))
    if checked.get("model_max_length", 0) is None:
        checked["model_max_length"] = NO_LIMIT
    for name, value in checked.items():
        if name not in TYPES:
            raise UserError(f"a tokenizer has no {name!r}{nearest(name, TYPES)}")
        if not isinstance(value, TYPES[name]) or (isinstance(value, bool) and TYPES[name] is int):
            raise UserError(f"{name}={value!r} is of the wrong type")
        if name.endswith("_side") and value not in ("left", "right"):
            raise UserError(f"{name}={value!r}; known: left, right")
    return checked
