"""Tokenizers on disk: the files that transformers reads and writes, 4.57.6's and 5.23's."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tokenizers import AddedToken, Tokenizer

from albert_lab.errors import UserError, nearest
from albert_lab.storage.hub import pretrained_folder
from albert_lab.storage.replace_files import finish_replacing, replace_together
from albert_lab.tokenizer.base import TextEncoder
from albert_lab.tokenizer.options import NO_LIMIT, Warnings
from albert_lab.tokenizer.pieces import PieceModel
from albert_lab.tokenizer.preprocess import Preprocessing
from albert_lab.tokenizer.saved import read_saved
from albert_lab.tokenizer.special_tokens import ROLES, Token
from albert_lab.tokenizer.tokenizer_json import as_tokenizer, is_unigram, read_tokenizer_json

VOCABULARY, BACKEND = "spiece.model", "tokenizer.json"
CONFIG, SPECIAL, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
FILES = (VOCABULARY, BACKEND, CONFIG, SPECIAL, ADDED)
_SETTINGS = {
    "model_max_length": int,
    "padding_side": str,
    "truncation_side": str,
    "model_input_names": (list, tuple),
    "clean_up_tokenization_spaces": bool,
    "split_special_tokens": bool,
}
_SWITCHES = ("do_lower_case", "remove_space", "keep_accents")


class SavedTokenizer(TextEncoder):
    """A tokenizer with the settings that its files carry.

    settings: model_max_length (tokens), padding_side and truncation_side ("right", "left"), model_input_names,
    clean_up_tokenization_spaces, split_special_tokens, name_or_path, extra_special_tokens (a list: more special ones).

    Raises: UserError for an unknown setting or a value of another type.
    """

    vocab_file: str | None
    vocab_files_names = {"vocab_file": VOCABULARY, "tokenizer_file": BACKEND}  # noqa: RUF012  (as transformers has it)

    def __init__(self, pieces: PieceModel, name: str, given: Mapping[str, Any]):
        """given: the arguments of a subclass by name (transformers' two constructors have them in orders of their own);
        name: of the file that the pieces came from, for messages.
        """
        switches = [given[switch] for switch in _SWITCHES]
        for switch, value in zip(_SWITCHES, switches, strict=True):
            if not isinstance(value, bool):
                raise UserError(f"{switch}={value!r} is neither true nor false")
        self.do_lower_case, self.remove_space, self.keep_accents = switches
        self._warnings = Warnings()
        self._settle(dict(given["settings"]))
        roles = _roles(given)
        extra = given["settings"].get("extra_special_tokens") or []
        additional = [*(given["additional_special_tokens"] or []), *(extra if isinstance(extra, list | tuple) else [])]
        # transformers' fast tokenizers list "(" and its kind, which SentencePiece never cuts anyway, among added tokens
        added = (given["added_tokens_decoder"] or {}).items()
        super().__init__(
            pieces,
            Preprocessing(*switches),
            roles,
            [token for token in additional if not _is_taken(str(token), roles, pieces)],
            {index: token for index, token in added if not pieces.is_never_cut(token.content)},
            name,
        )

    def _settle(self, settings: dict[str, Any]) -> None:
        self.name_or_path = str(settings.pop("name_or_path", ""))
        settings.pop("extra_special_tokens", None)
        if settings.get("model_max_length", 0) is None:
            settings["model_max_length"] = NO_LIMIT
        for key, value in settings.items():
            if key not in _SETTINGS:
                raise UserError(f"a tokenizer has no {key!r}{nearest(key, _SETTINGS)}")
            if not isinstance(value, _SETTINGS[key]) or (isinstance(value, bool) and _SETTINGS[key] is int):  # type: ignore[arg-type]
                raise UserError(f"{key}={value!r} is of the wrong type")
            if key.endswith("_side") and value not in ("left", "right"):
                raise UserError(f"{key}={value!r}; known: left, right")
            setattr(self, key, value)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map})"
        )

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **settings: Any,
    ) -> Self:
        """The tokenizer of a folder or of a model on the hub; settings replace those of its files.

        Raises: UserError where there is none, or its files are no tokenizer's or another model's.
        """
        folder = pretrained_folder(
            pretrained_model_name_or_path,
            FILES,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
        )
        finish_replacing(folder)
        vocabulary, backend = folder / VOCABULARY, folder / BACKEND
        if not vocabulary.is_file() and not backend.is_file():
            raise UserError(f"{folder} has neither {VOCABULARY} nor {BACKEND}")
        where = {"vocab_file": str(vocabulary)} if vocabulary.is_file() else {"tokenizer_file": str(backend)}
        found = {"name_or_path": os.fspath(pretrained_model_name_or_path)} | read_saved(folder, _SETTINGS)
        return cls(**where | found | settings)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
    ) -> tuple[str, ...]:
        """Writes the folder that `from_pretrained` and transformers read; returns its files' paths.

        All of them or none: a failure leaves the folder as it was. legacy_format: True leaves `tokenizer.json` out.

        Raises: UserError for a path that is a file.
        """
        folder = _folder(save_directory)
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        added = {token: index for token, index in self.added_tokens_encoder.items() if index >= self.vocab_size}
        with replace_together(folder, [prefix + name for name in FILES]) as scratch:
            _write_json(scratch / (prefix + CONFIG), self._config())
            _write_json(scratch / (prefix + SPECIAL), self._special_map())
            (scratch / (prefix + VOCABULARY)).write_bytes(self._model.bytes)
            if added:
                _write_json(scratch / (prefix + ADDED), added)
            if not legacy_format and is_unigram(self._model.bytes):
                self.backend_tokenizer.save(str(scratch / (prefix + BACKEND)))
            names = sorted(file.name for file in scratch.iterdir())
        return tuple(str(folder / name) for name in names)

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Writes `spiece.model` alone; returns its path."""
        folder = _folder(save_directory)
        name = (f"{filename_prefix}-" if filename_prefix else "") + VOCABULARY
        with replace_together(folder, []) as scratch:
            (scratch / name).write_bytes(self._model.bytes)
        return (str(folder / name),)

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The nearest tokenizer of the `tokenizers` library: what `tokenizer.json` holds, for other tools."""
        around = str(self.cls_token), str(self.sep_token)
        return as_tokenizer(self._model.bytes, self._preprocessing, self.added_tokens_decoder, around)

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            key: getattr(self, key) for key in (*_SWITCHES, *_SETTINGS) if key != "model_input_names"
        }
        if tuple(self.model_input_names) != type(self).model_input_names:
            config["model_input_names"] = list(self.model_input_names)
        return config | {
            **{role: getattr(self, role) for role in ROLES},
            "additional_special_tokens": self.additional_special_tokens,
            "added_tokens_decoder": {str(i): _as_dict(token) for i, token in self.added_tokens_decoder.items()},
            "sp_model_kwargs": getattr(self, "sp_model_kwargs", {}),
            "tokenizer_class": "AlbertTokenizer",
        }

    def _special_map(self) -> dict[str, Any]:
        found = self.special_tokens_map_extended
        return {
            role: [_named(t) for t in token] if isinstance(token, list) else _named(token)
            for role, token in found.items()
        }


def _named(token: Token) -> Any:
    """A token's text; with its settings where it has any."""
    if isinstance(token, str) or not (token.lstrip or token.rstrip or token.single_word or token.normalized):
        return str(token)
    return {name: value for name, value in _as_dict(token).items() if name != "special"}


def load_pieces(vocab_file: str | None, tokenizer_file: str | None, **options: Any) -> tuple[PieceModel, str]:
    """(the SentencePiece model of either file, what to call it in messages)."""
    if vocab_file is not None:
        return PieceModel.load(vocab_file, **options), f"vocab_file={vocab_file}"
    if tokenizer_file is None:
        raise UserError("a tokenizer needs a vocab_file (spiece.model) or a tokenizer_file (tokenizer.json)")
    name = f"tokenizer_file={tokenizer_file}"
    return PieceModel(read_tokenizer_json(tokenizer_file), name, **options), name


def _roles(given: Mapping[str, Any]) -> dict[str, Token | None]:
    roles = {role: given[role] for role in ROLES}
    mask = roles["mask_token"]
    if isinstance(mask, str):  # it stands for a word with its space, so it takes the space before it
        roles["mask_token"] = AddedToken(mask, lstrip=True, normalized=False, special=True)
    return roles


def _is_taken(content: str, roles: Mapping[str, Token | None], pieces: PieceModel) -> bool:
    """transformers 5 lists roles' tokens and such symbols once more among its extra special tokens."""
    return content in map(str, filter(None, roles.values())) or pieces.is_never_cut(content)


def _folder(path: str | os.PathLike[str]) -> Path:
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{os.fspath(path)!r} is a file; a tokenizer is saved into a folder")
    return folder


def _as_dict(token: AddedToken) -> dict[str, Any]:
    names = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {name: getattr(token, name) for name in names}


def _write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
