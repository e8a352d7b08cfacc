"""What transformers asks of a configuration besides its fields, answered without importing transformers."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self


class HuggingFaceConfig:
    """What every configuration of transformers has, as it is for an encoder of text alone."""

    is_encoder_decoder = False
    sub_configs: ClassVar[dict[str, Any]] = {}
    base_model_tp_plan = None
    attn_implementation: str

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> Self:
        return self

    def __iter__(self) -> Iterator[str]:
        """Names of the attributes."""
        yield from vars(self)

    @property
    def _attn_implementation(self) -> str:
        return self.attn_implementation

    @_attn_implementation.setter
    def _attn_implementation(self, value: str) -> None:
        self.attn_implementation = value
