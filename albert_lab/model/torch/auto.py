"""The model class that a checkpoint was written by."""

from pathlib import Path
from typing import Any

from albert_lab.errors import UserError, nearest
from albert_lab.model.formats.checkpoint_files import read_config
from albert_lab.model.torch.albert import AlbertForMaskedLM, AlbertForPreTraining, AlbertModel
from albert_lab.model.torch.checkpoint import checkpoint_folder
from albert_lab.model.torch.classification import (
    AlbertForMultipleChoice,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.model.torch.question_answering import AlbertForQuestionAnswering, AlbertForQuestionAnsweringV2

CLASSES: dict[str, type[AlbertPreTrainedModel]] = {
    model.__name__: model
    for model in (
        AlbertModel,
        AlbertForPreTraining,
        AlbertForMaskedLM,
        AlbertForSequenceClassification,
        AlbertForMultipleChoice,
        AlbertForTokenClassification,
        AlbertForQuestionAnswering,
        AlbertForQuestionAnsweringV2,
    )
}


def load_any(name_or_path: str | Path, subfolder: str = "", **options: Any) -> AlbertPreTrainedModel:
    """The model of a checkpoint, as the class that its `architectures` names; `options` of its `from_pretrained`.

    Raises:
        UserError: the checkpoint names no class that is here.
    """
    named = read_config(checkpoint_folder(name_or_path, subfolder)).get("architectures") or ["AlbertForPreTraining"]
    if not isinstance(named, list) or not isinstance(named[0], str):
        raise UserError(f"{name_or_path}: architectures={named!r} is not a list of names of classes")
    if named[0] not in CLASSES:
        hint = nearest(named[0], CLASSES)
        raise UserError(f"{name_or_path} holds a {named[0]}, which is not an ALBERT class{hint}")
    model: AlbertPreTrainedModel = CLASSES[named[0]].from_pretrained(name_or_path, subfolder=subfolder, **options)
    return model
