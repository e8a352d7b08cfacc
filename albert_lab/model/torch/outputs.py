"""What the models return: fields by name, by key or by index, with the names and order of Hugging Face's outputs.

Shapes: B sequences, S tokens, C choices, V vocabulary, H hidden size, A heads. `hidden_states` holds the encoder's
input and what every layer returned, each [B,S,H]; `attentions` every layer's probabilities, each [B,A,S,S].
"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from torch import Tensor
from torch.export import register_dataclass


@dataclass
class ModelOutput:
    """Fields that are None are left out of the keys and of the tuple; a key that is set joins them.

    A mapping as the first argument gives all fields: so libraries rebuild a mapping that they moved or converted.
    """

    def __post_init__(self) -> None:
        first = fields(self)[0].name
        given = getattr(self, first)
        if isinstance(given, dict):
            setattr(self, first, None)
            for name, value in given.items():
                self[name] = value

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self._present().values())

    def keys(self) -> KeysView[str]:
        return self._present().keys()

    def values(self) -> ValuesView[Any]:
        return self._present().values()

    def items(self) -> ItemsView[str, Any]:
        return self._present().items()

    def get(self, key: str, default: Any = None) -> Any:
        return self._present().get(key, default)

    def __getitem__(self, key: str | int | slice) -> Any:
        return self._present()[key] if isinstance(key, str) else self.to_tuple()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._present())

    def __len__(self) -> int:
        return len(self._present())

    def __contains__(self, key: object) -> bool:
        return key in self._present()

    def _present(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


Mapping.register(ModelOutput)  # for isinstance alone: no other method or base class


@dataclass
class BaseModelOutputWithPooling(ModelOutput):
    last_hidden_state: Tensor | None = None  # [B,S,H]
    pooler_output: Tensor | None = None  # [B,H]
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class AlbertForPreTrainingOutput(ModelOutput):
    loss: Tensor | None = None
    prediction_logits: Tensor | None = None  # [B,S,V], or [N,V] for N masked positions
    sop_logits: Tensor | None = None  # [B,2]
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class PreTrainingSums(NamedTuple):
    """Losses and hits summed over a batch; a plain tuple, which every data-parallel wrapper looks through."""

    word_loss: Tensor  # scalar: cross-entropy of the words, in nats, with its graph
    word_hits: Tensor  # scalar: labels with the highest logit
    sentence_loss: Tensor | None = None  # the same of the sentence question; None without head or labels
    sentence_hits: Tensor | None = None


@dataclass
class MaskedLMOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # [B,S,V], or [N,V] for N masked positions
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class SequenceClassifierOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # [B,labels]
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class MultipleChoiceModelOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # [B,C]
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class TokenClassifierOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # [B,S,labels]
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    loss: Tensor | None = None
    start_logits: Tensor | None = None  # [B,S]
    end_logits: Tensor | None = None  # [B,S]
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


for _output in ModelOutput.__subclasses__():
    register_dataclass(_output)
