"""`AlbertConfig`: a variant as one object, with the names and defaults of Hugging Face's class (no torch)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from albert_lab.config.check import check_model
from albert_lab.config.presets import model_preset
from albert_lab.config.ranges import RANGES
from albert_lab.config.variant import ModelConfig, ProjectionRule
from albert_lab.errors import UserError, nearest
from albert_lab.model.layer_map import LayerMap, hf_layer_map
from albert_lab.storage.files import read_object, write_text
from albert_lab.storage.hub import pretrained_folder

CONFIG_FILE = "config.json"
MODEL_TYPE = "albert"
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
MOST_LABELS = int(RANGES["model.vocab_size"].most)
OURS = "albert_lab"  # the key in config.json of what Hugging Face's format has no key for


@dataclass(kw_only=True)
class AlbertConfig(ModelConfig):
    """Sizes, options and layer map of a model; the defaults are xxlarge's, as in Google's and Hugging Face's code.

    Differs from Hugging Face's in what it adds: `layer_map` says which block every layer uses (None: from
    `num_hidden_groups` and `inner_group_num`), and every known deviation between Google's code and Hugging Face's is a
    field of `ModelConfig`. A wrong name, type or value is refused.

    Raises:
        UserError: a field that doesn't exist, or a value that it can't have.
    """

    hidden_size: int = 4096
    num_attention_heads: int = 64
    intermediate_size: int = 16384
    embedding_projection: ProjectionRule = ProjectionRule.always  # all of Hugging Face's checkpoints have one
    num_hidden_groups: int = 1  # G
    inner_group_num: int = 1  # K distinct blocks, run in sequence wherever a group is applied
    layer_map: LayerMap = None  # type: ignore[assignment]  # None: made from the groups
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3
    tie_word_embeddings: bool = True  # false with an `output_embedding_size`; without one, an own table has width E
    num_labels: int = None  # type: ignore[assignment]  # None: as many as `id2label` names, else 2
    id2label: dict[int, str] = None  # type: ignore[assignment]  # None: LABEL_0, LABEL_1, ...
    label2id: dict[str, int] = None  # type: ignore[assignment]  # None: from `id2label`
    problem_type: str | None = None  # of PROBLEM_TYPES; None: from the labels
    output_attentions: bool = False
    output_hidden_states: bool = False
    return_dict: bool = True
    attn_implementation: str = "sdpa"  # sdpa | eager
    remove_padding: bool = False  # compute real tokens alone where that pays; hidden states at padding are then 0

    def __new__(cls, **values: Any) -> Self:
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise UserError(f"AlbertConfig has no {unknown[0]!r}{nearest(unknown[0], [f.name for f in fields(cls)])}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            setattr(self, name, _convert(name, getattr(self, name), kind))
        check_model(self)
        if self.layer_map is None:
            self.layer_map = hf_layer_map(self.num_hidden_layers, self.num_hidden_groups, self.inner_group_num)
        if self.output_embedding_size is not None:
            self.tie_word_embeddings = False
        _check_number_of_labels(self)
        self._name_labels()
        _check_ids_and_problem(self)

    def _name_labels(self) -> None:
        """Names as many labels as there are; a number of labels that the names don't fit makes new names."""
        if self.num_labels is None:
            self.num_labels = 2 if self.id2label is None else len(self.id2label)
        if self.id2label is None or len(self.id2label) != self.num_labels:
            self.id2label = {id: f"LABEL_{id}" for id in range(self.num_labels)}
        self.id2label = {int(id): label for id, label in self.id2label.items()}
        if self.label2id is None or set(self.label2id.values()) != set(self.id2label):
            self.label2id = {label: id for id, label in self.id2label.items()}

    @classmethod
    def of(cls, model: ModelConfig, layer_map: LayerMap, **more: Any) -> Self:
        """The variant that a run's `model` settings and layer map describe."""
        return cls(**(vars(model) | more | {"layer_map": layer_map}))

    @classmethod
    def preset(cls, name: str, **values: Any) -> Self:
        """With every known deviation between Google's code and Hugging Face's as in one of them (`conf/preset/`).

        Args:
            name: google or huggingface.
            values: the other fields.

        Raises:
            UserError: another name.
        """
        return cls(**(model_preset(name) | values))

    @classmethod
    def from_dict(cls, values: Any, **changes: Any) -> Self:
        """From what `config.json` holds, or from Hugging Face's configuration object.

        Raises:
            UserError: a value that its field can't have.
        """
        values = values if isinstance(values, Mapping) else values.to_dict()
        known = {item.name for item in fields(cls)}
        given = dict(values) | dict(values.get(OURS, {})) | changes
        if "layer_map" in given and isinstance(given["layer_map"], Mapping):
            given["layer_map"] = LayerMap(**{kind: tuple(ids) for kind, ids in given["layer_map"].items()})
        return cls(**{name: value for name, value in given.items() if name in known or name in changes})

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, **changes: Any) -> Self:
        """Reads `config.json` of a folder or of a repository on the hub."""
        file = pretrained_folder(name_or_path, [CONFIG_FILE]) / CONFIG_FILE
        return cls.from_json_file(file, **changes)

    @classmethod
    def from_json_file(cls, file: str | Path, **changes: Any) -> Self:
        """Raises: UserError where the file is missing or no JSON object."""
        return cls.from_dict(read_object(Path(file)), **changes)

    def to_dict(self) -> dict[str, Any]:
        """What `config.json` holds: Hugging Face's keys, and under `albert_lab` what differs from what those imply."""
        self._name_labels()  # `num_labels` may have been set since
        plain = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in NOT_STORED}
        plain = {name: value.value if isinstance(value, Enum) else value for name, value in plain.items()}
        if self.id2label == {0: "LABEL_0", 1: "LABEL_1"}:
            del plain["id2label"], plain["label2id"]
        own = {name: plain.pop(name) for name in sorted(OWN_FIELDS)}
        defaults = {item.name: item.default for item in fields(self)}
        own = {name: value for name, value in own.items() if value != defaults[name]}
        if self.layer_map != layer_map_of_groups(self):
            own["layer_map"] = {kind: list(ids) for kind, ids in asdict(self.layer_map).items()}
        return {"model_type": MODEL_TYPE} | plain | ({OURS: own} if own else {})

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes `config.json` into the folder, which is made if it is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_text(Path(folder) / CONFIG_FILE, self.to_json_string())


DERIVED = {"layer_map", "num_labels", "id2label", "label2id"}  # None until the others are known
NOT_STORED = {"layer_map", "num_labels", "return_dict", "attn_implementation", "remove_padding"}
# What Hugging Face's own configuration class has no field for.
OWN_FIELDS = {item.name for item in fields(ModelConfig)} - {
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
    "layer_norm_eps",
}


def _check_number_of_labels(config: AlbertConfig) -> None:
    if config.num_labels is not None and config.num_labels < 1:
        raise UserError(f"num_labels={config.num_labels} must be at least 1")
    if config.num_labels is not None and config.num_labels > MOST_LABELS:
        raise UserError(f"num_labels={config.num_labels} must be at most {MOST_LABELS} (more labels than pieces)")


def _check_ids_and_problem(config: AlbertConfig) -> None:
    problem, pad = config.problem_type, config.pad_token_id
    if problem is not None and problem not in PROBLEM_TYPES:
        raise UserError(f"problem_type={problem!r} is unknown{nearest(problem, PROBLEM_TYPES)}")
    if problem == "single_label_classification" and config.num_labels == 1:
        raise UserError("problem_type=single_label_classification needs num_labels=2 or more; one label: regression")
    if pad is not None and not 0 <= pad < config.vocab_size:
        raise UserError(f"pad_token_id={pad} is beyond vocab_size={config.vocab_size}: 0 to {config.vocab_size - 1}")


def layer_map_of_groups(config: AlbertConfig) -> LayerMap | None:
    """What `num_hidden_groups` and `inner_group_num` mean; None where they leave a group without a layer."""
    try:
        return hf_layer_map(config.num_hidden_layers, config.num_hidden_groups, config.inner_group_num)
    except UserError:
        return None


def _convert(name: str, value: Any, kind: Any) -> Any:
    """The value as the field's type; a whole number may stand for a float, a name for one of an enum's choices."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if value is None and name in DERIVED:
        return None
    for each in kinds:
        if isinstance(each, type) and issubclass(each, Enum) and isinstance(value, str):
            return _convert_choice(name, value, each)
        if each is float and type(value) is int:
            return float(value)
        if type(value) is (get_origin(each) or each):
            return value
    wanted = " or ".join(getattr(each, "__name__", str(each)) for each in kinds)
    raise UserError(f"{name}={value!r} must be {wanted}, not {type(value).__name__}")


def _convert_choice(name: str, value: str, choices: type[Enum]) -> Enum:
    try:
        return choices(value)
    except ValueError:
        raise UserError(f"{name}={value!r} is unknown{nearest(value, [each.value for each in choices])}") from None
