"""albert_lab: what sharing parameters and a small embedding cost and buy, measured; and a complete ALBERT library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time a name is imported when it is first used, so that `--help` needs no torch
    from albert_lab.config.variant import SharingConfig as SharingConfig
    from albert_lab.model.configuration import AlbertConfig as AlbertConfig
    from albert_lab.model.layer_map import LayerMap as LayerMap
    from albert_lab.model.layer_map import make_layer_map as make_layer_map
    from albert_lab.model.torch.albert import AlbertForMaskedLM as AlbertForMaskedLM
    from albert_lab.model.torch.albert import AlbertForPreTraining as AlbertForPreTraining
    from albert_lab.model.torch.albert import AlbertModel as AlbertModel
    from albert_lab.model.torch.classification import AlbertForMultipleChoice as AlbertForMultipleChoice
    from albert_lab.model.torch.classification import AlbertForSequenceClassification as AlbertForSequenceClassification
    from albert_lab.model.torch.classification import AlbertForTokenClassification as AlbertForTokenClassification
    from albert_lab.model.torch.outputs import AlbertForPreTrainingOutput as AlbertForPreTrainingOutput
    from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel as AlbertPreTrainedModel
    from albert_lab.model.torch.question_answering import AlbertForQuestionAnswering as AlbertForQuestionAnswering
    from albert_lab.model.torch.question_answering import AlbertForQuestionAnsweringV2 as AlbertForQuestionAnsweringV2
    from albert_lab.tokenizer import AlbertTokenizer as AlbertTokenizer
    from albert_lab.tokenizer import AlbertTokenizerFast as AlbertTokenizerFast

__version__ = "0.1.0"

_HOMES = {
    "AlbertConfig": "model.configuration",
    "AlbertForMaskedLM": "model.torch.albert",
    "AlbertForMultipleChoice": "model.torch.classification",
    "AlbertForPreTraining": "model.torch.albert",
    "AlbertForPreTrainingOutput": "model.torch.outputs",
    "AlbertForQuestionAnswering": "model.torch.question_answering",
    "AlbertForQuestionAnsweringV2": "model.torch.question_answering",
    "AlbertForSequenceClassification": "model.torch.classification",
    "AlbertForTokenClassification": "model.torch.classification",
    "AlbertModel": "model.torch.albert",
    "AlbertPreTrainedModel": "model.torch.pretrained_model",
    "AlbertTokenizer": "tokenizer",
    "AlbertTokenizerFast": "tokenizer",
    "LayerMap": "model.layer_map",
    "SharingConfig": "config.variant",
    "make_layer_map": "model.layer_map",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
