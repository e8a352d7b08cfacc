"""Start a variant from another one's weights: sharing what is unshared, unsharing what is shared, or sharing otherwise.

    start_from(model, AlbertForPreTraining.from_pretrained(RUN), blocks="average", lora="svd")

Unsharing is Google's `--init_from_group0` (run_pretraining.py): every layer starts from the block that it used.
"""

import logging
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

import torch
from torch import Tensor, nn

from albert_lab.config.variant import BlockStart, LoraStart
from albert_lab.errors import UserError, nearest
from albert_lab.model.torch.albert import AlbertModel
from albert_lab.model.torch.layers.encoder import Encoder
from albert_lab.model.torch.layers.layer_weights import KINDS, Weights, layer_weights, low_rank_pairs
from albert_lab.model.torch.layers.lora import LowRank
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel

log = logging.getLogger(__name__)
Choice = TypeVar("Choice", BlockStart, LoraStart)
PROJECTION = "embeddings.projection."


@torch.no_grad()
def start_from(
    model: AlbertPreTrainedModel,
    source: AlbertPreTrainedModel,
    blocks: BlockStart | str = BlockStart.first,
    lora: LoraStart | str = LoraStart.zero,
) -> None:
    """Give a model of the same depth and sizes the weights of another; what that one lacks (a head) stays as it is.

    Args:
        blocks: which of the source's layers a block starts from, of those that use it in the model. first: the first
            of them; average: their mean; stepwise: see `stepwise_depths`. Per-depth LoRA of the source counts.
        lora: zero: the layers start as they are shared; svd: with the best approximation of that rank to the
            difference between the source's layer and the block (`LowRank.approximate`).

    Raises:
        UserError: another depth, a tensor of another shape, a choice that does not exist, or an SVD start without LoRA.
    """
    blocks, lora = _choice("blocks", blocks, BlockStart), _choice("lora", lora, LoraStart)
    target, origin = _base(model).encoder, _base(source).encoder
    _check_depths(target, origin)
    given = _weights_of_source(source)
    _check_fit(model, given, source)
    if lora is LoraStart.svd and not model.config.lora_rank:
        raise UserError("warm_start.lora=svd needs a model.lora_rank above 0, as in block=lora")
    _warn_of_differences(model, source)
    _copy_outside_layers(model, given)
    if target.layer_map == origin.layer_map and _shapes(target) == _shapes(origin):  # nothing to share or approximate
        target.load_state_dict(origin.state_dict())
        return
    for kind in KINDS:
        _start_kind(target, origin, kind, blocks, lora)


def _choice(key: str, value: Choice | str, choices: type[Choice]) -> Choice:
    try:
        return choices(value)
    except ValueError:
        raise UserError(
            f"warm_start.{key}={value!r} is unknown{nearest(str(value), [choice.value for choice in choices])}"
        ) from None


def _base(model: AlbertPreTrainedModel) -> AlbertModel:
    base = model.base_model
    assert isinstance(base, AlbertModel)
    return base


def _check_depths(target: Encoder, origin: Encoder) -> None:
    wanted, given = target.layer_map.num_layers, origin.layer_map.num_layers
    if wanted != given:
        raise UserError(
            f"a model of {wanted} layers can't start from one of {given}: a layer starts from the same depth; "
            f"set model.num_hidden_layers={given}"
        )


def _warn_of_differences(model: AlbertPreTrainedModel, source: AlbertPreTrainedModel) -> None:
    """The weights fit such a model too, but it computes something else."""
    for key in ("num_attention_heads", "hidden_act", "norm_placement", "depth_signal", "position_embedding_type"):
        ours, theirs = getattr(model.config, key), getattr(source.config, key)
        if ours != theirs:
            log.warning("model.%s=%s, and the weights to start from were trained with %s", key, ours, theirs)


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in module.named_parameters()}


def _weights_of_source(source: AlbertPreTrainedModel) -> Weights:
    """What the source has outside its layers; where it has no projection, the identity."""
    given, size = _weights_outside_layers(source), source.config.hidden_size
    identity = {PROJECTION + "weight": torch.eye(size), PROJECTION + "bias": torch.zeros(size)}
    return identity | given


def _check_fit(model: AlbertPreTrainedModel, given: Weights, source: AlbertPreTrainedModel) -> None:
    """Runs before anything is copied, so that a refused model stays unchanged."""
    has_projection = [_base(each).embeddings.projection is not None for each in (model, source)]
    if has_projection == [False, True]:
        raise UserError(
            "the source projects its embeddings and the model does not; set model.embedding_projection=always"
        )
    theirs = _block_shapes(source)
    for name, wanted in _block_shapes(model).items():
        if name not in theirs:
            raise UserError(f"{name} is missing from the source; give the model the source's options")
        _check_shape(name, wanted, theirs[name])
    for name, tensor in _weights_outside_layers(model).items():
        _check_shape(name, tensor.shape, given.get(name, tensor).shape)


def _block_shapes(model: AlbertPreTrainedModel) -> dict[str, torch.Size]:
    """Of one block and LayerNorm of every kind; all of a kind are alike."""
    encoder = _base(model).encoder
    shapes = {kind: _shapes(getattr(encoder, kind)[0]) for kind in KINDS}
    return {f"{kind}.{name}": shape for kind, each in shapes.items() for name, shape in each.items()}


def _check_shape(name: str, wanted: torch.Size, given: torch.Size) -> None:
    if wanted != given:
        raise UserError(
            f"{name} is {list(wanted)} in the model and {list(given)} in what it starts from; "
            "give the model the same sizes"
        )


def _copy_outside_layers(model: AlbertPreTrainedModel, given: Weights) -> None:
    """Embeddings, projection, heads and adapters."""
    wanted = _weights_outside_layers(model)
    for name in wanted.keys() & given.keys():
        wanted[name].copy_(given[name])
    drawn = sorted(wanted.keys() - given.keys())
    if drawn:
        log.warning("the source has no %s; they start as drawn", ", ".join(drawn))


def _weights_outside_layers(model: AlbertPreTrainedModel) -> dict[str, Tensor]:
    """The weights that are of no block, LayerNorm or low-rank pair, named alike with and without a head."""
    blocks = tuple(f"encoder.{part}." for part in (*KINDS, "lora"))
    named = {name.removeprefix("albert."): parameter for name, parameter in model.named_parameters()}
    return {name: parameter.detach() for name, parameter in named.items() if not name.startswith(blocks)}


def _start_kind(target: Encoder, origin: Encoder, kind: str, blocks: BlockStart, lora: LoraStart) -> None:
    """Fill the target's blocks (or LayerNorms) of a kind, and the low-rank pairs of its layers."""
    ids, given = getattr(target.layer_map, kind), layer_weights(origin, kind)
    for id, block in enumerate(getattr(target, kind)):
        start = _average([given[depth] for depth in source_depths(ids, blocks)[id]])
        for name, parameter in block.named_parameters():
            parameter.copy_(start[name])
    for depth, pairs in enumerate(low_rank_pairs(target, kind)):
        block = getattr(target, kind)[ids[depth]]
        for name, pair in pairs.items():
            _start_pair(pair, given[depth], block.get_submodule(name), name, lora)


def _start_pair(pair: LowRank, given: Weights, linear: nn.Module, name: str, lora: LoraStart) -> None:
    pair.reset()
    if lora is LoraStart.svd:
        weight, bias = linear.get_parameter("weight"), linear.get_parameter("bias")
        pair.approximate(given[f"{name}.weight"] - weight, given[f"{name}.bias"] - bias)


def _average(layers: Sequence[Weights]) -> Weights:
    """Exactly their value where all are equal, so that sharing what was unshared gives the shared weights back."""
    first = layers[0]
    if len(layers) == 1:
        return first
    return {name: first[name] + sum(each[name] - first[name] for each in layers) / len(layers) for name in first}


def source_depths(ids: Sequence[int], blocks: BlockStart) -> list[list[int]]:
    """For every block of a map, given as its id in every layer, the depths whose weights it starts from."""
    uses = [[depth for depth, id in enumerate(ids) if id == block] for block in range(max(ids) + 1)]
    if blocks is BlockStart.average:
        return uses
    if blocks is BlockStart.first:
        return [depths[:1] for depths in uses]
    return [[depth] for depth in stepwise_depths(uses)]


def stepwise_depths(uses: Sequence[Sequence[int]]) -> list[int]:
    """The depth that every block starts from, given the depths that use it.

    A block of one layer starts from that layer. The n that several layers use, in the order of their first use, start
    from n depths that are evenly spaced from the first to the last layer of all of them, a half rounded to even. On a
    cycle or a sequence of L layers that is linspace(0, L-1, n), between a first and a last layer of their own
    linspace(1, L-2, n): `selection_initialize` of Mixture-of-Recursions (model/sharing_strategy/llama.py), whose first
    author's Relaxed Recursive Transformers (arXiv 2410.20672, section 2.3) has the name.
    """
    shared = sorted((block for block, depths in enumerate(uses) if len(depths) > 1), key=lambda block: uses[block][0])
    depths = [use[0] for use in uses]
    if len(shared) > 1:
        first, last = min(uses[block][0] for block in shared), max(uses[block][-1] for block in shared)
        for index, block in enumerate(shared):
            depths[block] = round(first + Fraction((last - first) * index, len(shared) - 1))
    return depths
