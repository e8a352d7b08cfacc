"""A tokenizer's folder: the files that transformers 4.57.6 and 5.23 read and write, and those of older versions."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken

from albert_lab.errors import UserError
from albert_lab.storage.files import read_object
from albert_lab.storage.hub import pretrained_folder
from albert_lab.storage.replace_files import finish_replacing, replace_together
from albert_lab.tokenizer.piece_model import PieceModel
from albert_lab.tokenizer.settings import SWITCHES, TYPES
from albert_lab.tokenizer.token_table import ROLES, Token
from albert_lab.tokenizer.tokenizer_json import is_unigram, read_tokenizer_json

if TYPE_CHECKING:
    from albert_lab.tokenizer.base import TokenizerBase

VOCABULARY, BACKEND = "spiece.model", "tokenizer.json"
CONFIG, SPECIAL, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
FILES = (VOCABULARY, BACKEND, CONFIG, SPECIAL, ADDED)
_TOKEN_LISTS = ("additional_special_tokens", "extra_special_tokens")
_TOKENS = (*ROLES, *_TOKEN_LISTS)
_TOKEN_FIELDS = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")


def load_model(vocab_file: str | None, tokenizer_file: str | None, **options: Any) -> tuple[PieceModel, str]:
    """(the SentencePiece model of either file, what to call it in messages)."""
    if vocab_file is not None:
        return PieceModel.load(vocab_file, **options), f"vocab_file={vocab_file}"
    if tokenizer_file is None:
        raise UserError("a tokenizer needs a vocab_file (spiece.model) or a tokenizer_file (tokenizer.json)")
    name = f"tokenizer_file={tokenizer_file}"
    return PieceModel(read_tokenizer_json(tokenizer_file), name, **options), name


# Reading


def read_arguments(name_or_path: str | os.PathLike[str], subfolder: str = "", **hub_options: Any) -> dict[str, Any]:
    """A tokenizer's constructor arguments, from a folder or from a model on the hub.

    hub_options: those of `pretrained_folder`.

    Raises: UserError where there is no tokenizer, or a file holds something else.
    """
    files = [str(PurePosixPath(subfolder, name)) for name in FILES]
    folder = pretrained_folder(name_or_path, files, **hub_options) / subfolder
    finish_replacing(folder)
    vocabulary, backend = folder / VOCABULARY, folder / BACKEND
    if not vocabulary.is_file() and not backend.is_file():
        raise UserError(f"{folder} has neither {VOCABULARY} nor {BACKEND}")
    source = {"vocab_file": str(vocabulary)} if vocabulary.is_file() else {"tokenizer_file": str(backend)}
    return source | {"name_or_path": os.fspath(name_or_path)} | _read_settings(folder)


def _read_settings(folder: Path) -> dict[str, Any]:
    """From `tokenizer_config.json`, or from older files where it doesn't list the added tokens; unknown keys dropped.

    Raises: UserError, naming the file, for one that isn't a JSON object or whose values have other types.
    """
    config = _read_json(folder / CONFIG)
    config.setdefault("model_max_length", config.get("max_len"))
    known = (*SWITCHES, *TYPES, *_TOKENS)
    settings = {key: value for key, value in config.items() if key in known and value is not None}
    try:
        listed = config.get("added_tokens_decoder")
        added = {int(i): _read_token(t) for i, t in listed.items()} if listed else _read_older_files(folder, settings)
        by_name = {token.content: token for token in added.values()}
        for key in settings.keys() & set(_TOKENS):
            value, is_list = settings[key], isinstance(settings[key], list)
            if is_list and (key in ROLES or any(isinstance(item, list) for item in value)):
                raise TypeError(key)
            settings[key] = (
                [_resolve_token(item, by_name) for item in value] if is_list else _resolve_token(value, by_name)
            )
    except UserError:
        raise
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
        raise UserError(f"the tokens in {folder / CONFIG} or the files next to it aren't valid") from None
    return settings | {"added_tokens_decoder": added}


def _read_older_files(folder: Path, settings: dict[str, Any]) -> dict[int, AddedToken]:
    """The added tokens by id; puts special tokens into `settings`.

    Before 4.34 special tokens were in one file and added ones in another; version 5 has both in `tokenizer.json`.
    """
    settings |= {key: value for key, value in _read_json(folder / SPECIAL).items() if key in _TOKENS}
    special = {str(_read_token(value)) for key, value in settings.items() if key in ROLES and value}
    special |= {str(_read_token(value)) for value in settings.get("additional_special_tokens") or []}
    added = {
        int(index): AddedToken(token, normalized=token not in special, special=token in special)
        for token, index in _read_json(folder / ADDED).items()
    }
    backend = _read_json(folder / BACKEND)
    if backend:
        size = len(backend["model"]["vocab"])
        added |= {int(t["id"]): _read_token(t) for t in backend["added_tokens"] if t["id"] >= size}
    return added


def _resolve_token(value: Any, by_name: Mapping[str, AddedToken]) -> Any:
    """A token by name is the added token of that name, with the white space that it strips."""
    if isinstance(value, dict) and "content" not in value:
        return {}  # named extra tokens of 4.57, which have no use in ALBERT
    return by_name.get(value, value) if isinstance(value, str) else _read_token(value)


def _read_token(value: Any) -> AddedToken:
    if isinstance(value, str):
        return AddedToken(value, normalized=False, special=True)
    return AddedToken(**{"special": True} | {name: value[name] for name in _TOKEN_FIELDS if name in value})


def _read_json(file: Path) -> dict[str, Any]:
    return read_object(file) if os.path.lexists(file) else {}


# Writing


def save_pretrained(
    tokenizer: "TokenizerBase",
    save_directory: str | os.PathLike[str],
    legacy_format: bool | None = None,
    filename_prefix: str | None = None,
    push_to_hub: bool = False,
    save_jinja_files: bool = True,
) -> tuple[str, ...]:
    """Writes the folder that `from_pretrained` and transformers read; returns its files' paths.

    All of them or none: a failure leaves the folder as it was. legacy_format: True leaves `tokenizer.json` out.
    save_jinja_files: of transformers; unused, as there are no chat templates.

    Raises: UserError for a path that is a file, and for `push_to_hub`.
    """
    if push_to_hub:
        raise UserError("save_pretrained(push_to_hub=True): call huggingface_hub.upload_folder on the saved folder")
    model = tokenizer._table.model.bytes
    contents = {
        CONFIG: _to_json(_make_config(tokenizer)),
        SPECIAL: _to_json(_describe_special(tokenizer.special_tokens_map_extended)),
        VOCABULARY: model,
    }
    added = {token: i for token, i in tokenizer.added_tokens_encoder.items() if i >= tokenizer.vocab_size}
    if added:
        contents[ADDED] = _to_json(added)
    if not legacy_format and is_unigram(model):
        contents[BACKEND] = tokenizer.backend_tokenizer.to_str(pretty=True).encode()
    return _write_files(save_directory, contents, filename_prefix, FILES)


def save_vocabulary(
    tokenizer: "TokenizerBase", save_directory: str | os.PathLike[str], filename_prefix: str | None = None
) -> tuple[str, ...]:
    """Writes `spiece.model` alone; returns its path."""
    return _write_files(save_directory, {VOCABULARY: tokenizer._table.model.bytes}, filename_prefix, ())


def _write_files(
    directory: str | os.PathLike[str], contents: Mapping[str, bytes], prefix: str | None, owned: Sequence[str]
) -> tuple[str, ...]:
    """owned: files that go where `contents` doesn't replace them."""
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{os.fspath(directory)!r} is a file; a tokenizer is saved into a folder")
    start = f"{prefix}-" if prefix else ""
    with replace_together(folder, [start + name for name in owned]) as scratch:
        for name, content in contents.items():
            (scratch / (start + name)).write_bytes(content)
    return tuple(sorted(str(folder / (start + name)) for name in contents))


def _make_config(tokenizer: "TokenizerBase") -> dict[str, Any]:
    config: dict[str, Any] = {name: getattr(tokenizer, name) for name in (*SWITCHES, *TYPES, *ROLES)}
    names = config.pop("model_input_names")
    if list(names) != type(tokenizer).model_input_names:
        config["model_input_names"] = list(names)
    return config | {
        "additional_special_tokens": tokenizer.additional_special_tokens,
        "added_tokens_decoder": {str(i): _describe(token) for i, token in tokenizer.added_tokens_decoder.items()},
        "sp_model_kwargs": getattr(tokenizer, "sp_model_kwargs", {}),
        "tokenizer_class": "AlbertTokenizer",
    }


def _describe_special(special: Mapping[str, Token | list[Token]]) -> dict[str, Any]:
    """A token's text, or its fields where they say more."""

    def describe(token: Token) -> Any:
        if isinstance(token, str) or not (token.lstrip or token.rstrip or token.single_word or token.normalized):
            return str(token)
        return {name: value for name, value in _describe(token).items() if name != "special"}

    return {
        role: [describe(item) for item in token] if isinstance(token, list) else describe(token)
        for role, token in special.items()
    }


def _describe(token: AddedToken) -> dict[str, Any]:
    return {name: getattr(token, name) for name in _TOKEN_FIELDS}


def _to_json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
