"""A shared block is one tensor, and trains as the sum of its uses."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap, make_layer_map
from albert_lab.model.torch.albert import AlbertForPreTraining

MakeConfig = Callable[..., ModelConfig]
MAPS = {
    "all": make_layer_map(SharingConfig("all"), 6),
    "attention": make_layer_map(SharingConfig("attention"), 6),
    "ffn": make_layer_map(SharingConfig("ffn"), 6),
    "groups": make_layer_map(SharingConfig("groups", num_hidden_groups=4), 6),
    "own norms": make_layer_map(SharingConfig("all", attention_norm=[*range(6)], ffn_norm=[0, 1, 0, 1, 0, 1]), 6),
    "palindrome": make_layer_map(SharingConfig("custom", attention=[0, 1, 2, 2, 1, 0], ffn=[0, 0, 1, 1, 0, 0]), 6),
}
KINDS = ("attention", "attention_norm", "ffn", "ffn_norm")


def unshared_copy(shared: AlbertForPreTraining) -> AlbertForPreTraining:
    """A model with a block per layer, each holding the weights that its layer uses in `shared`."""
    own = tuple(range(shared.config.layer_map.num_layers))
    copy = AlbertForPreTraining(AlbertConfig.of(shared.config, LayerMap(own, own, own, own))).double()
    state = {name: tensor for name, tensor in shared.state_dict().items() if ".encoder." not in name}
    for kind in KINDS:
        for layer, block in enumerate(getattr(shared.config.layer_map, kind)):
            weights = getattr(shared.albert.encoder, kind)[block].state_dict()
            state |= {f"albert.encoder.{kind}.{layer}.{name}": tensor for name, tensor in weights.items()}
    copy.load_state_dict(state)
    return copy


@pytest.mark.parametrize("layer_map", MAPS.values(), ids=MAPS)
def test_gradient_of_a_shared_block_is_the_sum_over_its_uses(
    make_config: MakeConfig, batch: Any, loss_of: Any, perturb: Any, layer_map: LayerMap
) -> None:
    shared = AlbertForPreTraining(AlbertConfig.of(make_config(), layer_map)).double()
    perturb(shared)
    copy = unshared_copy(shared)
    losses = [loss_of(model(**batch._asdict())) for model in (shared, copy)]
    torch.testing.assert_close(*losses, rtol=0, atol=1e-12)
    for loss in losses:
        loss.backward()
    for kind in KINDS:
        _check_gradients_of(kind, shared, copy)


def _check_gradients_of(kind: str, shared: AlbertForPreTraining, copy: AlbertForPreTraining) -> None:
    ids = getattr(shared.config.layer_map, kind)
    blocks, copies = getattr(shared.albert.encoder, kind), getattr(copy.albert.encoder, kind)
    for id, block in enumerate(blocks):
        for name, parameter in block.named_parameters():
            uses = [copies[layer].get_parameter(name).grad for layer in range(len(ids)) if ids[layer] == id]
            torch.testing.assert_close(parameter.grad, torch.stack(uses).sum(0), rtol=0, atol=1e-10)


@pytest.mark.parametrize("layer_map", MAPS.values(), ids=MAPS)
def test_a_shared_tensor_is_stored_and_stepped_once(make_config: MakeConfig, layer_map: LayerMap) -> None:
    model = AlbertForPreTraining(AlbertConfig.of(make_config(), layer_map))
    stepped = [p for group in torch.optim.SGD(model.parameters(), lr=1.0).param_groups for p in group["params"]]
    pointers = [tensor.data_ptr() for tensor in model.state_dict().values()]
    assert len(set(map(id, stepped))) == len(stepped)
    assert len(pointers) == len(set(pointers)) == len(stepped)
    assert len(model.albert.encoder.attention) == layer_map.num_attention_blocks
    assert len(model.albert.encoder.ffn) == layer_map.num_ffn_blocks


@pytest.mark.parametrize("layer_map", MAPS.values(), ids=MAPS)
def test_every_weight_gets_a_gradient(make_config: MakeConfig, batch: Any, loss_of: Any, layer_map: LayerMap) -> None:
    model = AlbertForPreTraining(AlbertConfig.of(make_config(), layer_map))
    loss_of(model(**batch._asdict())).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_the_decoder_is_the_embedding_table(make_config: MakeConfig, batch: Any) -> None:
    model = AlbertForPreTraining(AlbertConfig.of(make_config(), MAPS["all"])).eval()
    table = model.albert.embeddings.word_embeddings.weight
    assert [name for name, tensor in model.state_dict().items() if tensor.shape == table.shape] == [
        "albert.embeddings.word_embeddings.weight"
    ]
    with torch.no_grad():
        never_read = next(id for id in range(50) if id not in batch.input_ids)
        before = model(**batch._asdict()).prediction_logits
        table[never_read] += 1
        after = model(**batch._asdict()).prediction_logits
    changed = (before != after).any(0)
    assert changed.nonzero().flatten().tolist() == [never_read]
