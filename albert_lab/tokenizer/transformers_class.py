"""What makes transformers treat a tokenizer of ours as one of its own, without importing it."""

import sys
from functools import cache
from typing import Any


class SeenByTransformers:
    """Shows `isinstance` a subclass of transformers' slow or fast tokenizer, where transformers is loaded.

    `Trainer(processing_class=ours)` and scripts that need a fast tokenizer check with `isinstance`, which takes an
    object for its `__class__` as well as for its type. The type stays ours: nothing is inherited from transformers.
    """

    is_fast: bool

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        kind: Any = type(self)
        if "transformers.tokenization_utils_base" not in sys.modules:  # nobody can have asked for its classes
            return type(self)
        name = "PreTrainedTokenizerFast" if self.is_fast else "PreTrainedTokenizer"
        theirs = getattr(sys.modules["transformers"], name, None)
        return type(self) if theirs is None else _make_subclass(kind, theirs)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:  # pickle refuses a type that isn't `__class__`
        return _rebuild, (type(self), self.__dict__)


@cache
def _make_subclass(kind: type, theirs: type) -> type:
    def make(_: type, *args: Any, **kwargs: Any) -> Any:  # tokenizer.__class__(...) is a tokenizer of `kind`
        return kind(*args, **kwargs)

    return type(kind.__name__, (kind, theirs), {"__new__": make, "__module__": kind.__module__})


def _rebuild(kind: type, state: dict[str, Any]) -> Any:
    tokenizer: Any = object.__new__(kind)
    tokenizer.__dict__.update(state)
    return tokenizer
