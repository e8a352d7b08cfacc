"""Google's `albert_config.json` as Hugging Face's `config.json`."""

import logging
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError, nearest
from albert_lab.storage.files import read_object

log = logging.getLogger(__name__)

GOOGLE_CONFIG_FILE = "albert_config.json"

SIZES = {  # Google's defaults, which are xxlarge's; Hugging Face's keys are the same
    "vocab_size": None,
    "embedding_size": 128,
    "hidden_size": 4096,
    "num_hidden_layers": 12,
    "num_hidden_groups": 1,
    "num_attention_heads": 64,
    "intermediate_size": 16384,
    "inner_group_num": 1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
RATES = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02}
ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh"}  # Google's gelu is the tanh approximation
UNREAD = {"net_structure_type", "gap_size", "num_memory_blocks", "layers_to_keep", "down_scale_factor"}  # its code too
FIXED = {  # in Google's code rather than in its configurations
    "model_type": "albert",
    "architectures": ["AlbertForPreTraining"],
    "layer_norm_eps": 1e-12,
    "classifier_dropout_prob": 0.1,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
MOST_LAYERS = 4096


def read_google_config(file: Path) -> dict[str, Any]:
    """What Hugging Face's `config.json` of the same model holds; at E = H without a projection.

    Raises:
        UserError: the file can't be read, a value is impossible, or Hugging Face's model would use other groups.
    """
    google = read_object(file)
    unknown = sorted(set(google) - {"hidden_act", *SIZES, *RATES, *UNREAD})
    if unknown:
        log.warning("%s has settings that Google's code doesn't know: %s", file, ", ".join(unknown))
    values = {key: _read_number(file, google, key, default) for key, default in (SIZES | RATES).items()}
    activation = google.get("hidden_act", "gelu")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise UserError(f"{file}: hidden_act={activation!r} can't be read{nearest(str(activation), ACTIVATIONS)}")
    _check_groups(file, values["num_hidden_layers"], values["num_hidden_groups"])
    projected = values["embedding_size"] != values["hidden_size"]
    own = {} if projected else {"albert_lab": {"embedding_projection": "if_needed"}}
    return FIXED | values | {"hidden_act": ACTIVATIONS[activation]} | own


def _read_number(file: Path, google: dict[str, Any], key: str, default: float | None) -> Any:
    value, rate = google.get(key, default), key in RATES
    if isinstance(value, bool) or not isinstance(value, int | float if rate else int) or value < (0 if rate else 1):
        raise UserError(f"{file}: {key}={value!r} is not a {'rate' if rate else 'whole number above 0'}")
    return value


def _check_groups(file: Path, layers: int, groups: int) -> None:
    """Google's code and Hugging Face's choose a layer's group by formulas that are rounded apart for some sizes."""
    if not groups <= layers <= MOST_LAYERS:
        raise UserError(f"{file}: num_hidden_layers={layers} doesn't fit num_hidden_groups={groups}; nearest: {groups}")
    for layer in range(layers):
        google, hugging_face = int(layer / layers * groups), int(layer / (layers / groups))
        if google != hugging_face:
            raise UserError(
                f"{file}: with num_hidden_layers={layers} and num_hidden_groups={groups}, Google's code rounds so that "
                f"layer {layer} uses group {google}, Hugging Face's so that it uses group {hugging_face}: what was "
                "imported would not be the model that was trained"
            )
