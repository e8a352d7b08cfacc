"""What transformers asks of a model besides calling it, answered without importing transformers."""

import sys
from functools import cache
from typing import Any, ClassVar, Self

from torch import nn

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.layers.initialize import initialize


class HuggingFaceModel(nn.Module):
    """What the model is and supports, under the names that transformers looks for.

    Hugging Face's Trainer writes `config.json` for a `transformers.PreTrainedModel` alone. Where its trainer is loaded,
    `isinstance` says that a model is one; `type(model)` and `issubclass` stay as they are.
    """

    config: AlbertConfig
    main_input_name = "input_ids"
    base_model_prefix = "albert"
    config_class = AlbertConfig
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False  # for Hugging Face's Trainer: whether forward takes `num_items_in_batch`
    _supports_sdpa = True
    _keep_in_fp32_modules: ClassVar[frozenset[str]] = frozenset()
    _keep_in_fp32_modules_strict: ClassVar[frozenset[str]] = frozenset()
    _keys_to_ignore_on_save = None
    _keys_to_ignore_on_load_missing = None

    @property
    def __class__(self) -> type:
        trainer = sys.modules.get("transformers.trainer")
        base = getattr(trainer, "PreTrainedModel", None)  # None: while the module is being imported
        own: Any = type(self)
        return own if base is None else _join(own, base)

    @__class__.setter
    def __class__(self, value: type) -> None:  # as FSDP2 does
        object.__dict__["__class__"].__set__(self, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle by `type(self)`, whatever `__class__` says."""
        return _make_blank, (type(self),), self.__dict__

    def init_weights(self) -> None:
        """Draws every weight again, as for a new model."""
        initialize(self, self.config)

    def tie_weights(self, **options: Any) -> None:
        """Changes nothing: a tensor that parts share is one tensor from the start."""

    @property
    def vocab_size(self) -> int:
        return self.config.vocab_size

    @classmethod
    def can_generate(cls) -> bool:
        return False

    @classmethod
    def _from_config(cls, config: Any, **changes: Any) -> Self:
        return cls(config.with_changes(**changes) if changes else config)

    @classmethod
    def _can_set_attn_implementation(cls) -> bool:
        return True

    @classmethod
    def _can_set_experts_implementation(cls) -> bool:
        return False


@cache
def _join(ours: Any, theirs: Any) -> type:
    """A class that inherits from both, for `isinstance` alone: calling it makes one of ours."""
    return type(ours.__name__, (ours, theirs), {"__new__": lambda cls, *args, **kwargs: ours(*args, **kwargs)})


def _make_blank(cls: type) -> Any:
    return object.__new__(cls)
