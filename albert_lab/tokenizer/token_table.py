"""Tokens and their ids: SentencePiece's pieces, special tokens and added tokens."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from tokenizers import AddedToken

from albert_lab.errors import UserError, nearest
from albert_lab.tokenizer.cached_state import WithoutCaches
from albert_lab.tokenizer.piece_model import PieceModel
from albert_lab.tokenizer.splitting import Splitter

Token = str | AddedToken
ROLES = {  # and ALBERT's tokens
    "bos_token": "[CLS]",
    "eos_token": "[SEP]",
    "unk_token": "<unk>",
    "sep_token": "[SEP]",
    "pad_token": "<pad>",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}

log = logging.getLogger(__name__)


class TokenTable(WithoutCaches):
    """The pieces of a SentencePiece model, the special token of each role, and added tokens.

    lower: whether texts are lowercased; added tokens that aren't special are then lowercased too.
    name: what error messages call the source of the pieces.

    A role's token that is neither a piece nor an added token is added, with a warning.

    Raises: UserError where that is a token that every ALBERT has: the file is another model's.
    """

    def __init__(
        self,
        model: PieceModel,
        lower: bool,
        roles: Mapping[str, Token | None],
        additional_special_tokens: Sequence[Token] = (),
        added_tokens_decoder: Mapping[int, AddedToken] | None = None,
        name: str = "the vocabulary",
    ):
        self.model, self._lower = model, lower
        self._roles = dict(roles)
        # transformers' fast tokenizers list "(" and its kind, which SentencePiece never splits anyway, as added tokens;
        # transformers 5 lists those and the tokens of roles once more as extra special tokens
        role_tokens = set(map(str, filter(None, self._roles.values())))
        self._additional: list[Token] | None = [
            token
            for token in additional_special_tokens
            if str(token) not in role_tokens and not model.is_unsplittable(str(token))
        ]
        self._added_by_id: dict[int, AddedToken] = {
            index: token
            for index, token in (added_tokens_decoder or {}).items()
            if not model.is_unsplittable(token.content)
        }
        self._ids_of_pieces = {piece: index for index, piece in enumerate(model.pieces)}
        missing = self._find_missing_roles(name)
        special = self.all_special_tokens_extended
        self._add([token for token in special if str(token) not in self.added_tokens_encoder], special=True)
        if missing:
            log.warning("%s lacks %s: added; call model.resize_token_embeddings(%d)", name, missing, len(self))

    def _find_missing_roles(self, name: str) -> str:
        """The roles with a token that is new to the vocabulary, as text.

        Raises: UserError where such a token is the one that every ALBERT has.
        """
        known = self._ids_of_pieces.keys() | self.added_tokens_encoder.keys()
        missing = {role: str(token) for role, token in self._roles.items() if token and str(token) not in known}
        listed = ", ".join(f"{role}={token!r}" for role, token in missing.items())
        if any(token == ROLES[role] for role, token in missing.items()):
            raise UserError(f"{name} is another model's: it lacks {listed}; name the tokens that it has")
        return listed

    # All tokens

    @property
    def vocab_size(self) -> int:
        """The number of SentencePiece's pieces, without added tokens."""
        return len(self.model)

    def __len__(self) -> int:
        """The number of tokens including added ones: the least that `model.vocab_size` must be."""
        return len(self._ids_of_pieces) + sum(token not in self._ids_of_pieces for token in self.added_tokens_encoder)

    def get_vocab(self) -> dict[str, int]:
        """The id of each token."""
        return {**self._ids_of_pieces, **self.added_tokens_encoder}

    def get_added_vocab(self) -> dict[str, int]:
        """The id of each added token, including special tokens."""
        return dict(self.added_tokens_encoder)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""
        return dict(sorted(self._added_by_id.items()))

    @cached_property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The id of each added token."""
        return {token.content: index for index, token in sorted(self._added_by_id.items())}

    def is_piece(self, token: str) -> bool:
        """Whether SentencePiece's model has it."""
        return token in self._ids_of_pieces

    def id_of(self, token: str) -> int:
        """The id of a token; that of the unknown piece for any other text."""
        index = self.added_tokens_encoder.get(token)
        return self.model.id_of(token) if index is None else index

    def token_of(self, index: int) -> str:
        """The token of an id. Raises: UserError for an id beyond the vocabulary."""
        if index in self._added_by_id:
            return self._added_by_id[index].content
        if not 0 <= index < len(self.model):
            raise UserError(f"id {index} is beyond this vocabulary of {len(self)}: another tokenizer made it")
        return self.model.pieces[index]

    def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> Any:
        """The id of a token, or of each; that of `unk_token` for one that isn't there."""
        if tokens is None:
            return None
        return self.id_of(tokens) if isinstance(tokens, str) else [self.id_of(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: int | Iterable[Any], skip_special_tokens: bool = False) -> Any:
        """The token of an id, or of each. Raises: UserError for an id beyond the vocabulary."""
        if isinstance(ids, int):
            return self.token_of(ids)
        skipped = frozenset(self.all_special_ids) if skip_special_tokens else frozenset()
        return [self.token_of(int(index)) for index in ids if int(index) not in skipped]

    # Special tokens

    def get_role(self, role: str) -> str | None:
        """The token of a role ("cls_token"); None where the role has none."""
        token = self._roles.get(role)
        return None if token is None else str(token)

    def set_role(self, role: str, token: Token | None) -> None:
        """Gives a role another token. Raises: UserError for anything that isn't a token."""
        if token is not None and not isinstance(token, Token):
            raise UserError(f"{role}={token!r} is not a string")
        self._roles[role] = token
        self._clear_caches()

    @cached_property
    def boundary_ids(self) -> tuple[int, int]:
        """The ids of [CLS] and [SEP]. Raises: UserError where one of the roles has no token."""
        start, end = self.get_role("cls_token"), self.get_role("sep_token")
        if start is None or end is None:
            raise UserError("special tokens need a cls_token and a sep_token; call with add_special_tokens=False")
        return self.id_of(start), self.id_of(end)

    @property
    def additional_special_tokens(self) -> list[str] | None:
        """Special tokens without a role; None where they were set to None."""
        return None if self._additional is None else [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens: Sequence[Token] | None) -> None:
        self._additional = None if tokens is None else list(tokens)
        self._clear_caches()

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        return [self.id_of(token) for token in self.additional_special_tokens or ()]

    @additional_special_tokens_ids.setter
    def additional_special_tokens_ids(self, ids: Sequence[int] | None) -> None:
        self.additional_special_tokens = [self.token_of(index) for index in ids or ()]

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """The token of each role, as text."""
        by_role: dict[str, str | list[str]] = {role: str(token) for role, token in self._roles.items() if token}
        additional = self.additional_special_tokens
        return by_role | ({"additional_special_tokens": additional} if additional else {})

    @property
    def special_tokens_map_extended(self) -> dict[str, Token | list[Token]]:
        """The token of each role, as it was passed."""
        by_role: dict[str, Token | list[Token]] = {role: token for role, token in self._roles.items() if token}
        return by_role | ({"additional_special_tokens": list(self._additional)} if self._additional else {})

    @cached_property
    def all_special_tokens(self) -> list[str]:
        """Every special token once, those of roles first."""
        return [str(token) for token in self.all_special_tokens_extended]

    @cached_property
    def all_special_ids(self) -> list[int]:
        """The ids of `all_special_tokens`."""
        return [self.id_of(token) for token in self.all_special_tokens]

    @property
    def all_special_tokens_extended(self) -> list[Token]:
        """`all_special_tokens` as they were passed: strings, or `AddedToken`s."""
        unique: dict[str, Token] = {}
        for token in (*self._roles.values(), *(self._additional or ())):
            if token:
                unique.setdefault(str(token), token)
        return list(unique.values())

    # Adding tokens

    def add_tokens(self, new_tokens: Token | Sequence[Token], special_tokens: bool = False) -> int:
        """Adds tokens that are never split; returns how many were missing (the model needs as many new rows)."""
        return self._add([new_tokens] if isinstance(new_tokens, Token) else new_tokens, special_tokens)

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, Token | Sequence[Token]],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Sets the tokens of roles, {"cls_token": "<CLS>"}, and adds them; returns how many were missing."""
        added: list[Token] = []
        for role, value in special_tokens_dict.items():
            if role == "additional_special_tokens":
                if isinstance(value, Token):
                    raise UserError(f"{role}={value!r} is one token; give a list of tokens")
                new = [_as_special(token) for token in value]
                kept = [] if replace_additional_special_tokens and new else self._additional or []
                self._additional = [*kept, *(token for token in new if str(token) not in map(str, kept))]
                added += new
            elif role in ROLES and isinstance(value, Token):
                self._roles[role] = _as_special(value)
                added.append(_as_special(value))
            else:
                known = (*ROLES, "additional_special_tokens")
                raise UserError(f"{role}={value!r} is not a special token{nearest(role, known)}")
        return self._add(added, special=True)

    def _add(self, tokens: Iterable[Token], special: bool) -> int:
        before = len(self)
        for token in tokens:
            is_known = isinstance(token, str) and token in self.added_tokens_encoder  # an AddedToken may change it
            if str(token) and not is_known:
                self._add_one(self._as_added(token, special))
        self._clear_caches()
        return len(self) - before

    def _as_added(self, token: Token, special: bool) -> AddedToken:
        if isinstance(token, str):
            special = special or token in self.all_special_tokens
            token = AddedToken(token, normalized=not special, special=special)
        elif special:
            token = copy_token(token, special=True)
        if not token.special and token.normalized and self._lower:
            token = copy_token(token, content=token.content.lower())
        return token

    def _add_one(self, token: AddedToken) -> None:
        index = self.added_tokens_encoder.get(token.content, self._ids_of_pieces.get(token.content, len(self)))
        if token.special and token.content not in self.all_special_tokens:
            self._additional = [*(self._additional or ()), token]
        self._added_by_id[index] = token
        self._clear_caches()

    # What follows from the tokens, computed once until they change

    @cached_property
    def splitter(self) -> Splitter:
        """Splits texts at the added tokens."""
        added = {token.content: token for token in self.added_tokens_decoder.values()}
        return Splitter(added, self.all_special_tokens, self._lower)

    @cached_property
    def unknown_text_may_be_a_token(self) -> bool:
        """Whether characters that SentencePiece doesn't know can spell an added token or a comma."""
        return any(map(self.model.is_all_unknown, (",", *self.added_tokens_encoder)))


def make_roles(*tokens: Token | None) -> dict[str, Token | None]:
    """The token of each role. tokens: in the order of `ROLES`."""
    roles = dict(zip(ROLES, tokens, strict=True))
    mask = roles["mask_token"]
    if isinstance(mask, str):  # it stands for a word with its space, so it takes the space before it
        roles["mask_token"] = AddedToken(mask, lstrip=True, normalized=False, special=True)
    return roles


def _as_special(token: Token) -> AddedToken:
    return AddedToken(token, normalized=False, special=True) if isinstance(token, str) else token


def copy_token(token: AddedToken, **changes: Any) -> AddedToken:
    """The same token with other fields."""
    names = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
    return AddedToken(**{name: getattr(token, name) for name in names} | changes)
