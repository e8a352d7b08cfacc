"""Attributes and methods of a tokenizer that one of its parts answers."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from albert_lab.tokenizer.base import TokenizerBase
    from albert_lab.tokenizer.token_table import Token


P = ParamSpec("P")
T = TypeVar("T")


def delegate(part: str, method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """A method of the tokenizer that calls a method of one of its parts. part: the attribute that holds it."""

    @wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return method(getattr(self, part), *args, **kwargs)

    return call


class TableAttribute(Generic[T]):
    """An attribute of the token table, under the same name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, tokenizer: "TokenizerBase", owner: type) -> T:
        value: T = getattr(tokenizer._table, self.name)
        return value

    def __set__(self, tokenizer: "TokenizerBase", value: Any) -> None:
        setattr(tokenizer._table, self.name, value)


class RoleToken:
    """`tokenizer.cls_token` and its kind: text, or None where the role has no token."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.role = name

    def __get__(self, tokenizer: "TokenizerBase", owner: type) -> str | None:
        return tokenizer._table.get_role(self.role)

    def __set__(self, tokenizer: "TokenizerBase", token: "Token | None") -> None:
        tokenizer._table.set_role(self.role, token)


class RoleId:
    """`tokenizer.cls_token_id` and its kind."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.role = name.removesuffix("_id")

    def __get__(self, tokenizer: "TokenizerBase", owner: type) -> int | None:
        token = tokenizer._table.get_role(self.role)
        return None if token is None else tokenizer._table.id_of(token)

    def __set__(self, tokenizer: "TokenizerBase", index: int | None) -> None:
        tokenizer._table.set_role(self.role, None if index is None else tokenizer._table.token_of(index))
