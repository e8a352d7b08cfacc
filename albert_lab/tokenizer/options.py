"""The arguments of a tokenizer's call, checked and resolved: how to pad, how to truncate, what to return."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from albert_lab.errors import UserError, nearest
from albert_lab.tokenizer.settings import NO_LIMIT

log = logging.getLogger(__name__)

PADDINGS = ("longest", "max_length", "do_not_pad")
TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")
_PADDING_OF_SWITCH = {True: "longest", False: "do_not_pad", None: "do_not_pad"}
_TRUNCATION_OF_SWITCH = {True: "longest_first", False: "do_not_truncate", None: "do_not_truncate"}


class WithDefaults(Protocol):
    """A tokenizer, for those of its attributes that decide where a call's arguments don't."""

    model_max_length: int
    padding_side: str
    truncation_side: str
    model_input_names: Sequence[str]
    pad_token_type_id: int


@dataclass(frozen=True, slots=True)
class Options:
    """One call's arguments, named as in transformers' `__call__`, and the tokenizer's attributes at that time."""

    padding: str
    truncation: str
    max_length: int | None
    padding_side: str
    truncation_side: str
    pad_token_type_id: int
    model_max_length: int
    return_token_type_ids: bool
    return_attention_mask: bool
    add_special_tokens: bool = True
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    return_tensors: str | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False
    split_special_tokens: bool = False
    verbose: bool = True


class WarnOnce:
    """Logs each warning once per tokenizer."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def __call__(self, message: str, *arguments: object, verbose: bool = True) -> None:
        if verbose and message not in self._logged:
            self._logged.add(message)
            log.warning(message, *arguments)


def resolve_options(given: dict[str, Any], tokenizer: WithDefaults, warn_once: WarnOnce) -> Options:
    """The options of a call, from its arguments.

    Raises: UserError for an unknown choice, and for arguments that contradict each other.
    """
    padding, truncation, max_length = given["padding"], given["truncation"], given["max_length"]
    verbose = given.get("verbose", True)
    if max_length is not None and padding is False and truncation is None:
        warn_once("max_length is given without truncation: truncating as truncation=True", verbose=verbose)
        truncation = True
    padding = _resolve_choice("padding", padding, _PADDING_OF_SWITCH, PADDINGS)
    truncation = _resolve_choice("truncation", truncation, _TRUNCATION_OF_SWITCH, TRUNCATIONS)
    if max_length is None and tokenizer.model_max_length < NO_LIMIT // 10**10:
        needs_length = padding == "max_length" or truncation != "do_not_truncate"
        max_length = tokenizer.model_max_length if needs_length else None
    elif max_length is None:
        if padding == "max_length":
            warn_once("padding='max_length' without max_length, and the model has none: not padding", verbose=verbose)
            padding = "do_not_pad"
        if truncation != "do_not_truncate":
            warn_once("truncation without max_length, and the model has none: not truncating", verbose=verbose)
            truncation = "do_not_truncate"
    tensors, side = given.get("return_tensors"), given.get("padding_side")
    types, mask = given.get("return_token_type_ids"), given.get("return_attention_mask")
    resolved = {
        "padding": padding,
        "truncation": truncation,
        "max_length": max_length,
        "padding_side": tokenizer.padding_side if side is None else side,
        "truncation_side": tokenizer.truncation_side,
        "pad_token_type_id": tokenizer.pad_token_type_id,
        "model_max_length": tokenizer.model_max_length,
        "return_token_type_ids": "token_type_ids" in tokenizer.model_input_names if types is None else types,
        "return_attention_mask": "attention_mask" in tokenizer.model_input_names if mask is None else mask,
        "return_tensors": getattr(tensors, "value", tensors),
    }
    options = Options(**given | resolved)
    _check(options, given)
    return options


def _resolve_choice(key: str, value: Any, switches: dict[bool | None, str], names: tuple[str, ...]) -> str:
    if isinstance(value, bool) or value is None:
        return switches[value]
    name = str(getattr(value, "value", value))
    if name not in names:
        raise UserError(f"{key}={name!r}{nearest(name, names)}")
    return name


def _check(options: Options, given: dict[str, Any]) -> None:
    both = options.padding != "do_not_pad" and options.truncation != "do_not_truncate"
    length, multiple = options.max_length, options.pad_to_multiple_of
    if both and multiple and length is not None and length % multiple:
        raise UserError(f"max_length={length} is not a multiple of pad_to_multiple_of={multiple}")
    if given.get("padding_side") not in (None, "left", "right"):
        raise UserError(f"padding_side={options.padding_side!r}; known: left, right")
    if options.return_tensors not in (None, "pt", "np"):
        raise UserError(f"return_tensors={options.return_tensors!r}; known: np, pt")
    if given.get("return_token_type_ids") and not options.add_special_tokens:
        raise UserError(
            "return_token_type_ids=True has no meaning with add_special_tokens=False; leave one of them out"
        )
