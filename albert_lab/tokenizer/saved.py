"""Reads a tokenizer folder's JSON files into arguments; every version of transformers has its own way."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from albert_lab.errors import UserError
from albert_lab.tokenizer.special_tokens import ROLES

_KNOWN = (*ROLES, "do_lower_case", "remove_space", "keep_accents", "additional_special_tokens", "extra_special_tokens")
_LOOKS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


def read_saved(folder: Path, settings: Iterable[str]) -> dict[str, Any]:
    """Arguments from `tokenizer_config.json`, or from the older files where that doesn't list the added tokens.

    What a tokenizer here has no use for is left out; `settings`: further names to keep.

    Raises: UserError, naming the file, for one that is no JSON object or holds values of other types.
    """
    config = _read(folder / "tokenizer_config.json")
    config.setdefault("model_max_length", config.get("max_len"))
    found = {key: value for key, value in config.items() if key in (*_KNOWN, *settings) and value is not None}
    try:
        listed = config.get("added_tokens_decoder")
        by_id = {int(i): _token(t) for i, t in listed.items()} if listed else _older(folder, found)
        found |= {key: _with_looks(value, by_id) for key, value in found.items() if key in (*ROLES, *_KNOWN[-2:])}
    except (TypeError, ValueError, AttributeError, KeyError):
        raise UserError(
            f"the tokens in {folder / 'tokenizer_config.json'} or beside it are no tokens' settings"
        ) from None
    return found | {"added_tokens_decoder": by_id}


def _older(folder: Path, found: dict[str, Any]) -> dict[int, AddedToken]:
    """Before 4.34 the special tokens were in one file and added ones in another; 5 has both in `tokenizer.json`."""
    for key, value in _read(folder / "special_tokens_map.json").items():
        if key in _KNOWN:
            found[key] = value
    special = {str(_token(value)) for key, value in found.items() if key in ROLES and value}
    more = found.get("additional_special_tokens") or []
    special |= {str(_token(value)) for value in more}
    added = {
        int(index): AddedToken(token, normalized=token not in special, special=token in special)
        for token, index in _read(folder / "added_tokens.json").items()
    }
    backend = _read(folder / "tokenizer.json")
    if backend:
        size = len(backend["model"]["vocab"])
        added |= {int(t["id"]): _token(t) for t in backend["added_tokens"] if t["id"] >= size}
    return added


def _with_looks(value: Any, by_id: dict[int, AddedToken]) -> Any:
    """A token by name is the added token of that name, with what it strips."""
    if isinstance(value, list):
        return [_with_looks(one, by_id) for one in value]
    if isinstance(value, dict) and "content" not in value:
        return {}  # named extra tokens of 4.57, which have no place in ALBERT
    by_name = {token.content: token for token in by_id.values()}
    return by_name.get(value, value) if isinstance(value, str) else _token(value)


def _token(value: Any) -> AddedToken:
    if isinstance(value, str):
        return AddedToken(value, normalized=False, special=True)
    return AddedToken(**{"special": True} | {name: value[name] for name in _LOOKS if name in value})


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{file} is no JSON") from None
    if not isinstance(value, dict):
        raise UserError(f"{file} is no JSON object")
    return value
