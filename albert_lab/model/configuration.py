"""`AlbertConfig`: a variant as one object, with the names and defaults of Hugging Face's class (no torch)."""

import json
from collections.abc import Mapping
from dataclasses import InitVar, asdict, dataclass, fields, replace
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, Self, get_type_hints

from albert_lab.config.check import check_model
from albert_lab.config.presets import model_preset
from albert_lab.config.ranges import RANGES
from albert_lab.config.variant import ModelConfig, Pooling, ProjectionRule
from albert_lab.errors import UserError, nearest
from albert_lab.model.field_types import convert_value
from albert_lab.model.hugging_face_config import HuggingFaceConfig
from albert_lab.model.layer_map import LayerMap, hf_layer_map
from albert_lab.storage.files import read_object, write_text
from albert_lab.storage.hub import pretrained_folder

CONFIG_FILE = "config.json"
MODEL_TYPE = "albert"
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
MOST_LABELS = int(RANGES["model.vocab_size"].most)
OURS = "albert_lab"  # the key in config.json of what Hugging Face's format has no key for


@dataclass(kw_only=True)
class AlbertConfig(HuggingFaceConfig, ModelConfig):
    """Sizes, options and layer map of a model; the defaults are xxlarge's, as in Google's and Hugging Face's code.

    Differs from Hugging Face's in what it adds: `layer_map` says which block every layer uses (None: from
    `num_hidden_groups` and `inner_group_num`), and every known deviation between Google's code and Hugging Face's is a
    field of `ModelConfig`. A wrong name, type or value is refused; other attributes may be set later, and are stored.

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
    classifier_pooling: Pooling = Pooling.cls  # what a sequence classifier reads (Hugging Face: the pooled [CLS])
    output_attentions: bool = False
    output_hidden_states: bool = False
    return_dict: bool = True
    attn_implementation: str = "sdpa"  # sdpa | eager
    gradient_checkpointing: bool = False  # a new model keeps only every layer's input for the backward pass
    remove_padding: bool = False  # compute real tokens alone where that pays; hidden states at padding are then 0

    model_type: InitVar[str] = MODEL_TYPE  # of the class; as an argument it can have no other value

    def __new__(cls, **values: Any) -> Self:
        unknown = sorted(set(values) - {item.name for item in fields(cls)} - {"model_type"})
        if unknown:
            raise UserError(f"AlbertConfig has no {unknown[0]!r}{nearest(unknown[0], [f.name for f in fields(cls)])}")
        return super().__new__(cls)

    def __post_init__(self, model_type: str) -> None:
        if model_type not in (MODEL_TYPE, OURS):
            raise UserError(f"model_type={model_type!r} is not an ALBERT; nearest {MODEL_TYPE!r}")
        kinds = get_type_hints(type(self))
        for name, kind in {item.name: kinds[item.name] for item in fields(self)}.items():
            if getattr(self, name) is not None or name not in DERIVED:
                vars(self)[name] = convert_value(name, getattr(self, name), kind)
        check_model(self)
        if self.layer_map is None:
            self.layer_map = hf_layer_map(self.num_hidden_layers, self.num_hidden_groups, self.inner_group_num)
        if self.output_embedding_size is not None:
            self.tie_word_embeddings = False
        _check_number_of_labels(self)
        self._name_labels()
        _check_ids_and_problem(self)

    def __setattr__(self, name: str, value: Any) -> None:
        """A number of labels that is set names them, and names that are set number them."""
        super().__setattr__(name, value)
        if name in ("num_labels", "id2label") and self.label2id is not None:  # it is None during construction
            if name == "id2label":
                vars(self)["num_labels"] = None
            self._name_labels()

    def _name_labels(self) -> None:
        """Names as many labels as there are; a number of labels that the names don't fit makes new names."""
        number, names, ids = self.num_labels, self.id2label, self.label2id
        if number is None:
            number = 2 if names is None else len(names)
        if names is None or len(names) != number:
            names = {id: f"LABEL_{id}" for id in range(number)}
        try:
            names = {int(id): label for id, label in names.items()}
        except (TypeError, ValueError):
            raise UserError(f"id2label={names!r} must have whole numbers as keys") from None
        if ids is not None and not all(type(id) is int for id in ids.values()):
            raise UserError(f"label2id={ids!r} must have whole numbers as values")
        if ids is None or set(ids.values()) != set(names):
            ids = {label: id for id, label in names.items()}
        vars(self).update(num_labels=number, id2label=names, label2id=ids)

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

        What no model here reads is kept as an attribute, and stored again.

        Raises:
            UserError: a value that its field can't have.
        """
        if not isinstance(values, Mapping):
            attention = getattr(values, "_attn_implementation", None)  # which Hugging Face doesn't store
            values = values.to_dict() | ({} if attention is None else {"attn_implementation": attention})
        known = {item.name for item in fields(cls)}
        own = values.get(OURS, {})
        if not isinstance(own, Mapping):
            raise UserError(f"{OURS}={own!r} must hold this library's own settings, by name")
        given = {**values, **own, **changes}
        if "layer_map" in given and isinstance(given["layer_map"], Mapping):
            given["layer_map"] = _read_layer_map(given["layer_map"])
        config = cls(**{name: value for name, value in given.items() if name in known or name in changes})
        others = set(given) - known - {OURS, "transformers_version"}
        vars(config).update({name: given[name] for name in sorted(others) if _can_be_kept(name)})
        return config

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        token: str | bool | None = None,
        **changes: Any,
    ) -> Self:
        """Reads `config.json` of a folder or of a repository on the hub."""
        file = PurePosixPath(subfolder, CONFIG_FILE)
        folder = pretrained_folder(
            pretrained_model_name_or_path,
            [str(file)],
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
            token=token,
        )
        return cls.from_json_file(folder / file, **changes)

    @classmethod
    def from_json_file(cls, file: str | Path, **changes: Any) -> Self:
        """Raises: UserError where the file is missing or no JSON object."""
        return cls.from_dict(read_object(Path(file)), **changes)

    def to_dict(self) -> dict[str, Any]:
        """What `config.json` holds: Hugging Face's keys, and under `albert_lab` what differs from what those imply."""
        plain = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in NOT_STORED}
        plain = {name: value.value if isinstance(value, Enum) else value for name, value in plain.items()}
        if self.id2label == {0: "LABEL_0", 1: "LABEL_1"}:
            del plain["id2label"], plain["label2id"]
        own = {name: plain.pop(name) for name in sorted(OWN_FIELDS)}
        defaults = {item.name: item.default for item in fields(self)}
        own = {name: value for name, value in own.items() if value != defaults[name]}
        if self.layer_map != layer_map_of_groups(self):
            own["layer_map"] = {kind: list(ids) for kind, ids in asdict(self.layer_map).items()}
        return {"model_type": MODEL_TYPE} | self._others() | plain | ({OURS: own} if own else {})

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> Self:
        """This configuration: transformers' Trainer asks for the text part of a model's, to compare special tokens."""
        return self

    def to_diff_dict(self) -> dict[str, Any]:
        """Of `to_dict`, what differs from the defaults; `from_dict` makes the same configuration of both."""
        defaults = type(self)().to_dict()
        kept = {name: value for name, value in self.to_dict().items() if defaults.get(name, self) != value}
        return {"model_type": MODEL_TYPE} | kept

    def to_json_string(self, use_diff: bool = False) -> str:
        """`to_dict` as JSON, or with `use_diff` what differs from the defaults (Hugging Face's default)."""
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | Path, use_diff: bool = False) -> None:
        write_text(Path(json_file_path), self.to_json_string(use_diff))

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False) -> None:
        """Writes `config.json` into the folder, which is made if it is missing.

        Raises:
            UserError: `push_to_hub`.
        """
        if push_to_hub:
            raise UserError("save_pretrained(push_to_hub=True) is not supported: call huggingface_hub.upload_folder")
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        self.to_json_file(Path(save_directory) / CONFIG_FILE)

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Set several attributes; those that are fields are checked as at construction, and others kept.

        Raises:
            UserError: a value that its field can't have; nothing has changed then.
        """
        known = {item.name for item in fields(self)} & set(config_dict)
        vars(self).update(vars(self.with_changes(**{name: config_dict[name] for name in known})))
        for name in set(config_dict) - known:
            setattr(self, name, config_dict[name])

    def with_changes(self, **changes: Any) -> Self:
        """A copy with other values of fields; what follows from those that change is made again.

        Raises:
            UserError: a field that doesn't exist, or a value that it can't have.
        """
        made: dict[str, Any] = {"num_labels": None} if "id2label" in changes else {}
        if self.layer_map == layer_map_of_groups(self):
            made["layer_map"] = None
        copy = replace(self, **(made | changes))
        vars(copy).update(self._others())
        return copy

    def _others(self) -> dict[str, Any]:
        """Attributes that are not fields."""
        known = {item.name for item in fields(self)}
        return {name: value for name, value in vars(self).items() if name not in known and _can_be_kept(name)}


DERIVED = {"layer_map", "num_labels", "id2label", "label2id"}  # None until the others are known
NOT_STORED = {
    "layer_map",
    "num_labels",
    "return_dict",
    "attn_implementation",
    "gradient_checkpointing",
    "remove_padding",
}
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
OWN_FIELDS.add("classifier_pooling")


def _check_number_of_labels(config: AlbertConfig) -> None:
    if config.num_labels is not None and config.num_labels < 1:
        raise UserError(f"num_labels={config.num_labels} must be at least 1")
    if config.num_labels is not None and config.num_labels > MOST_LABELS:
        raise UserError(f"num_labels={config.num_labels} must be at most {MOST_LABELS} (more labels than pieces)")


def _read_layer_map(blocks: Mapping[str, Any]) -> LayerMap:
    kinds = {item.name for item in fields(LayerMap)}
    whole = set(blocks) == kinds and all(isinstance(ids, list | tuple) for ids in blocks.values())
    if not whole or not all(type(id) is int for ids in blocks.values() for id in ids):
        raise UserError(f"layer_map={blocks!r} must give lists of whole numbers: {', '.join(sorted(kinds))}")
    return LayerMap(**{kind: tuple(ids) for kind, ids in blocks.items()})


def _can_be_kept(name: str) -> bool:
    """Whether an attribute is neither private nor in the way of a method."""
    return not name.startswith("_") and not hasattr(AlbertConfig, name)


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
