"""Names of the tensors in a state dictionary: ours, Hugging Face's, and those of older files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from albert_lab.model.formats.hf_format import PREFIX, has_hf_names, hf_names

if TYPE_CHECKING:
    from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel

# Stored on top of ours by some versions of transformers: the bias of the tied decoder, buffers of old checkpoints.
COPIES = ("predictions.decoder.bias", "embeddings.position_ids", "embeddings.token_type_ids")
TIED = "predictions.decoder.weight"
BIAS, UNTIED_BIAS = "predictions.bias", "predictions.decoder.bias"  # with untied tables Hugging Face reads the second


def own_names(model: nn.Module) -> dict[str, str]:
    return {name: name for name, _ in model.named_parameters()}


def convert_names(model: "AlbertPreTrainedModel", state: Mapping[str, Any]) -> Mapping[str, Any]:
    """A state of Hugging Face's model of the same class under our names; any other as it is."""
    if not has_hf_names(state):
        return state
    names = {theirs: ours for ours, theirs in hf_names(model.config, own_names(model)).items()}
    if UNTIED_BIAS in state and BIAS in names:
        state = dict(state) | {BIAS: state[UNTIED_BIAS]}  # the one that Hugging Face reads
    copies = {*COPIES, TIED} - set(names)
    return {
        names.get(name, name): value
        for name, value in rename_norms(state).items()
        if not copies & {name, name.removeprefix(PREFIX)}
    }


def rename_norms(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state with the LayerNorms of TensorFlow's first conversions, gamma and beta, named as PyTorch's."""
    norms = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
    renamed = {}
    for name, tensor in state.items():
        old = next((old for old in norms if name.endswith(old)), "")
        renamed[name.removesuffix(old) + norms[old] if old else name] = tensor
    return renamed


def set_prefix(state: Mapping[str, Tensor], prefixed: bool) -> dict[str, Tensor]:
    """The state with its shared part named as in a model with a head, or as in one without."""
    if any(name.startswith(PREFIX) for name in state) == prefixed:
        return dict(state)
    if prefixed:
        return {PREFIX + name: tensor for name, tensor in state.items()}
    return {name.removeprefix(PREFIX): tensor for name, tensor in state.items()}
