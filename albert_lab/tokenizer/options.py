"""The arguments of a tokenizer's call, checked and resolved: how to pad, how to truncate, what to return."""

import logging
from dataclasses import dataclass
from typing import Any

from albert_lab.errors import UserError, nearest

log = logging.getLogger(__name__)

NO_LIMIT = int(1e30)  # `model_max_length` where none is known
PADDINGS = ("longest", "max_length", "do_not_pad")
TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")
_PADS = {True: "longest", False: "do_not_pad", None: "do_not_pad"}
_CUTS = {True: "longest_first", False: "do_not_truncate", None: "do_not_truncate"}


@dataclass(frozen=True)
class Options:
    """What one call asks for, with the names of transformers' `__call__`; the three above resolved."""

    padding: str = "do_not_pad"
    truncation: str = "do_not_truncate"
    max_length: int | None = None
    add_special_tokens: bool = True
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: str | None = None
    return_tensors: str | None = None
    return_token_type_ids: bool | None = None
    return_attention_mask: bool | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False
    split_special_tokens: bool = False
    verbose: bool = True


class Warnings:
    """Says each thing once per tokenizer."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def once(self, message: str, *arguments: object, verbose: bool = True) -> None:
        if verbose and message not in self._said:
            self._said.add(message)
            log.warning(message, *arguments)


def resolved(given: dict[str, Any], model_max_length: int, warnings: Warnings) -> Options:
    """The options of a call, from its arguments.

    Raises: UserError for an unknown name, and for lengths that contradict each other.
    """
    padding, truncation, max_length = given["padding"], given["truncation"], given["max_length"]
    verbose = given.get("verbose", True)
    if max_length is not None and padding is False and truncation is None:
        warnings.once("max_length is given without truncation: truncating as truncation=True", verbose=verbose)
        truncation = True
    padding, truncation = (
        _named("padding", padding, _PADS, PADDINGS),
        _named("truncation", truncation, _CUTS, TRUNCATIONS),
    )
    if max_length is None and model_max_length < NO_LIMIT // 10**10:
        max_length = model_max_length if padding == "max_length" or truncation != "do_not_truncate" else None
    elif max_length is None:
        padding, truncation = _without_limit(padding, truncation, warnings, verbose)
    tensors = given.get("return_tensors")
    chosen = {"padding": padding, "truncation": truncation, "max_length": max_length}
    options = Options(**given | chosen | {"return_tensors": getattr(tensors, "value", tensors)})
    _check(options)
    return options


def _without_limit(padding: str, truncation: str, warnings: Warnings, verbose: bool) -> tuple[str, str]:
    if padding == "max_length":
        warnings.once("padding='max_length' without max_length, and the model has none: not padding", verbose=verbose)
        padding = "do_not_pad"
    if truncation != "do_not_truncate":
        warnings.once("truncation without max_length, and the model has none: not truncating", verbose=verbose)
        truncation = "do_not_truncate"
    return padding, truncation


def _named(key: str, value: Any, switches: dict[bool | None, str], names: tuple[str, ...]) -> str:
    if isinstance(value, bool) or value is None:
        return switches[value]
    name = str(getattr(value, "value", value))
    if name not in names:
        raise UserError(f"{key}={name!r}{nearest(name, names)}")
    return name


def _check(options: Options) -> None:
    both = options.padding != "do_not_pad" and options.truncation != "do_not_truncate"
    length, multiple = options.max_length, options.pad_to_multiple_of
    if both and multiple and length is not None and length % multiple:
        raise UserError(f"max_length={length} is not a multiple of pad_to_multiple_of={multiple}")
    if options.padding_side not in (None, "left", "right"):
        raise UserError(f"padding_side={options.padding_side!r}; known: left, right")
    if options.return_tensors not in (None, "pt", "np"):
        raise UserError(f"return_tensors={options.return_tensors!r}; known: np, pt")
    if options.return_token_type_ids and not options.add_special_tokens:
        raise UserError(
            "return_token_type_ids=True has no meaning with add_special_tokens=False; leave one of them out"
        )
