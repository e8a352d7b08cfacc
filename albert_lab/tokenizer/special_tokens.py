"""Tokens, ids and special tokens: what a tokenizer knows before it sees a text."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from tokenizers import AddedToken

from albert_lab.errors import UserError, nearest
from albert_lab.tokenizer.pieces import PieceModel
from albert_lab.tokenizer.preprocess import Preprocessing
from albert_lab.tokenizer.splitting import Splitter

Token = str | AddedToken
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class _RoleToken:
    """`tokenizer.cls_token` and its kind: text, or None where the role has none."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.role = name

    def __get__(self, vocabulary: "Vocabulary", owner: type) -> str | None:
        token = vocabulary._roles.get(self.role)
        return None if token is None else str(token)

    def __set__(self, vocabulary: "Vocabulary", token: Token | None) -> None:
        if token is not None and not isinstance(token, Token):
            raise UserError(f"{self.role}={token!r} is no text")
        vocabulary._roles[self.role] = token
        vocabulary._forget()


class _RoleId:
    """`tokenizer.cls_token_id` and its kind."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.role = name.removesuffix("_id")

    def __get__(self, vocabulary: "Vocabulary", owner: type) -> int | None:
        return vocabulary.convert_tokens_to_ids(getattr(vocabulary, self.role))

    def __set__(self, vocabulary: "Vocabulary", index: int | None) -> None:
        setattr(vocabulary, self.role, None if index is None else vocabulary.convert_ids_to_tokens(index))


class Vocabulary:
    """The pieces of a SentencePiece model, special tokens by role, and added tokens.

    Raises: UserError where a role's token is neither a piece nor an added token: the file is another model's.
    """

    bos_token, eos_token, unk_token = _RoleToken(), _RoleToken(), _RoleToken()
    sep_token, pad_token, cls_token, mask_token = _RoleToken(), _RoleToken(), _RoleToken(), _RoleToken()
    bos_token_id, eos_token_id, unk_token_id = _RoleId(), _RoleId(), _RoleId()
    sep_token_id, pad_token_id, cls_token_id, mask_token_id = _RoleId(), _RoleId(), _RoleId(), _RoleId()
    pad_token_type_id = 0

    def __init__(
        self,
        pieces: PieceModel,
        preprocessing: Preprocessing,
        roles: Mapping[str, Token | None],
        additional_special_tokens: Sequence[Token] = (),
        added_tokens_decoder: Mapping[int, AddedToken] | None = None,
        name: str = "the vocabulary",
    ):
        self._model, self._preprocessing = pieces, preprocessing
        self._roles: dict[str, Token | None] = dict(roles)
        self._additional: list[Token] = list(additional_special_tokens)
        self._added_by_id: dict[int, AddedToken] = dict(added_tokens_decoder or {})
        self._ids_of_pieces = {piece: index for index, piece in enumerate(pieces.pieces)}
        self._check_roles(name)
        new = [token for token in self._all_special() if str(token) not in self.added_tokens_encoder]
        self._add(new, special=True)

    def _check_roles(self, name: str) -> None:
        tokens = {role: str(token) for role, token in self._roles.items() if token is not None}
        known = self._ids_of_pieces.keys() | self.added_tokens_encoder.keys()
        missing = [f"{role}={token!r}" for role, token in tokens.items() if token not in known]
        if missing:
            raise UserError(f"{name} is another model's: it lacks {', '.join(missing)}; name the tokens that it has")

    # What is in it

    @property
    def vocab_size(self) -> int:
        """The number of SentencePiece's pieces, without added tokens."""
        return len(self._model)

    def __len__(self) -> int:
        """The number of tokens, added ones too: what `model.vocab_size` must be at least."""
        return len(self._ids_of_pieces) + sum(token not in self._ids_of_pieces for token in self.added_tokens_encoder)

    def __bool__(self) -> bool:
        return True

    def get_vocab(self) -> dict[str, int]:
        """The id of each token."""
        return {**self._ids_of_pieces, **self.added_tokens_encoder}

    def get_added_vocab(self) -> dict[str, int]:
        """The id of each added token, special tokens among them."""
        return dict(self.added_tokens_encoder)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""
        return dict(sorted(self._added_by_id.items()))

    @cached_property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of added tokens."""
        return {token.content: index for index, token in sorted(self._added_by_id.items())}

    # Special tokens

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a role."""
        return [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens: Sequence[Token]) -> None:
        self._additional = list(tokens)
        self._forget()

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        return [self._id_of(token) for token in self.additional_special_tokens]

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """Roles and their tokens as text."""
        found: dict[str, str | list[str]] = {role: str(token) for role, token in self._roles.items() if token}
        return found | ({"additional_special_tokens": self.additional_special_tokens} if self._additional else {})

    @property
    def special_tokens_map_extended(self) -> dict[str, Token | list[Token]]:
        """Roles and their tokens as they were given."""
        found: dict[str, Token | list[Token]] = {role: token for role, token in self._roles.items() if token}
        return found | ({"additional_special_tokens": list(self._additional)} if self._additional else {})

    @cached_property
    def all_special_tokens(self) -> list[str]:
        """Every special token once, roles first."""
        return [str(token) for token in self._all_special()]

    @cached_property
    def all_special_ids(self) -> list[int]:
        """The ids of `all_special_tokens`."""
        return [self._id_of(token) for token in self.all_special_tokens]

    def _all_special(self) -> list[Token]:
        found: dict[str, Token] = {}
        for token in (*self._roles.values(), *self._additional):
            if token:
                found.setdefault(str(token), token)
        return list(found.values())

    # Adding tokens

    def add_tokens(self, new_tokens: Token | Sequence[Token], special_tokens: bool = False) -> int:
        """Makes tokens that are never cut; returns how many were missing (the model needs as many rows more)."""
        tokens = [new_tokens] if isinstance(new_tokens, Token) else list(new_tokens)
        return self._add(tokens, special_tokens)

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, Token | Sequence[Token]],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Gives roles their tokens, {"cls_token": "<CLS>"}, and adds those; returns how many the vocabulary lacked."""
        added: list[Token] = []
        for role, value in special_tokens_dict.items():
            if role == "additional_special_tokens" and not isinstance(value, Token):
                new = [_special(token) for token in value]
                kept = [] if replace_additional_special_tokens and new else self._additional
                self._additional = [*kept, *(token for token in new if str(token) not in map(str, kept))]
                added += new
            elif role in ROLES and isinstance(value, Token):
                self._roles[role] = _special(value)
                added.append(_special(value))
            else:
                raise UserError(
                    f"{role}={value!r} is no special token{nearest(role, (*ROLES, 'additional_special_tokens'))}"
                )
        return self._add(added, special=True)

    def _add(self, tokens: Iterable[Token], special: bool) -> int:
        before = len(self)
        for token in tokens:
            if str(token) and str(token) not in self._special_or_added(token):
                self._add_one(self._as_added(token, special))
        self._forget()
        return len(self) - before

    def _special_or_added(self, token: Token) -> Mapping[str, int]:
        """The tokens in whose place `token` may not come: text never replaces a token, an `AddedToken` may say more."""
        return self.added_tokens_encoder if isinstance(token, str) else {}

    def _as_added(self, token: Token, special: bool) -> AddedToken:
        if isinstance(token, str):
            special = special or token in self.all_special_tokens
            token = AddedToken(token, normalized=not special, special=special)
        elif special:
            token = _changed(token, special=True)
        if not token.special and token.normalized and self._preprocessing.lower:
            token = _changed(token, content=token.content.lower())
        return token

    def _add_one(self, token: AddedToken) -> None:
        index = self.added_tokens_encoder.get(token.content, self._ids_of_pieces.get(token.content, len(self)))
        if token.special and token.content not in self.all_special_tokens:
            self._additional.append(token)
        self._added_by_id[index] = token
        self._forget()

    def _forget(self) -> None:
        for name in (
            "added_tokens_encoder",
            "all_special_tokens",
            "all_special_ids",
            "_splitter",
            "_bounds",
            "_spelled_unknown",
        ):
            self.__dict__.pop(name, None)

    @cached_property
    def _splitter(self) -> Splitter:
        added = {token.content: token for token in self.added_tokens_decoder.values()}
        return Splitter(added, self.all_special_tokens, self._preprocessing.lower)

    # Tokens and ids

    def _id_of(self, token: str) -> int:
        index = self.added_tokens_encoder.get(token)
        return self._model.id_of(token) if index is None else index

    def _token_of(self, index: int) -> str:
        if index in self._added_by_id:
            return self._added_by_id[index].content
        if not 0 <= index < len(self._model):
            raise UserError(f"id {index} is beyond this vocabulary of {len(self)}: another tokenizer made it")
        return self._model.pieces[index]

    @overload  # a text is a sequence of texts too, and comes first
    def convert_tokens_to_ids(self, tokens: str) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def convert_tokens_to_ids(self, tokens: None) -> None: ...
    @overload
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> int | list[int] | None:
        """The id of a token, or of each; that of `unk_token` for one that isn't there."""
        if tokens is None:
            return None
        return self._id_of(tokens) if isinstance(tokens, str) else [self._id_of(token) for token in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: Iterable[Any], skip_special_tokens: bool = False) -> list[str]: ...
    def convert_ids_to_tokens(self, ids: int | Iterable[Any], skip_special_tokens: bool = False) -> str | list[str]:
        """The token of an id, or of each. Raises: UserError for an id beyond the vocabulary."""
        if isinstance(ids, int):
            return self._token_of(ids)
        skipped = frozenset(self.all_special_ids) if skip_special_tokens else frozenset()
        return [self._token_of(int(index)) for index in ids if int(index) not in skipped]


def _special(token: Token) -> AddedToken:
    return AddedToken(token, normalized=False, special=True) if isinstance(token, str) else token


def _changed(token: AddedToken, **changes: Any) -> AddedToken:
    names = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
    return AddedToken(**{name: getattr(token, name) for name in names} | changes)
