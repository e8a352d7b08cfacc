"""What of an object is pickled: not what it computes when first asked."""

from functools import cached_property
from typing import Any


class WithoutCaches:
    """Leaves `cached_property` values out of what is pickled.

    `datasets.map` names its caches by a digest of the pickled tokenizer, which must be the same before and after calls.
    """

    def __getstate__(self) -> dict[str, Any]:
        kind = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if not isinstance(getattr(kind, name, None), cached_property)
        }

    def _clear_caches(self) -> None:
        self.__dict__ = self.__getstate__()
