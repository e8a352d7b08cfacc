"""An unrolled model equals the one that it was made of, and is one that transformers can load."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lab.config.variant import SharingConfig
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.formats.hf_format import hf_config
from albert_lab.model.layer_map import LayerMap, hf_layout, make_layer_map, unshare
from albert_lab.model.schemes import SCHEMES
from albert_lab.model.torch.albert import AlbertForMaskedLM, AlbertForPreTraining, AlbertModel
from albert_lab.model.torch.classification import AlbertForSequenceClassification
from albert_lab.model.torch.question_answering import AlbertForQuestionAnsweringV2
from albert_lab.model.torch.unroll import unroll_model
from tests.model.maps import SIZES, inputs, layer_maps, model_of

SETTINGS: dict[str, dict[str, Any]] = {
    "groups": {"num_hidden_groups": 2, "inner_group_num": 2},
    "custom": {"attention": [0, 1, 1, 0, 2, 0], "ffn": [1, 0, 0, 1, 1, 0], "ffn_norm": [0, 0, 1, 1, 2, 2]},
    **{
        scheme: {"num_blocks": 3}
        for scheme in ("sequence", "cycle", "cycle_reversed", "middle_cycle", "middle_sequence")
    },
}
LORA = {"lora_rank": 2, "lora_bias": True}


def tensors(output: Any) -> list[torch.Tensor]:
    """All that a model returned, hidden states and attentions too."""
    return [each for value in output.to_tuple() for each in (value if isinstance(value, tuple) else (value,))]


def check_equal(ours: Any, theirs: Any) -> None:
    every = {"output_hidden_states": True, "output_attentions": True}
    with torch.no_grad():
        for one, other in zip(tensors(ours(**inputs(), **every)), tensors(theirs(**inputs(), **every)), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(layer_map=layer_maps(), embedding=st.sampled_from([4, 8]), lora=st.sampled_from([{}, {"lora_rank": 2}, LORA]))
def test_any_map_unrolled_has_equal_outputs_and_a_group_per_layer(
    layer_map: LayerMap, embedding: int, lora: dict[str, Any]
) -> None:
    model = model_of(layer_map, embedding_size=embedding, **lora)
    copy = unroll_model(model)
    check_equal(model, copy)
    assert hf_layout(copy.config.layer_map) == (4, 4, 1)
    assert copy.config.layer_map == copy.albert.encoder.layer_map == unshare(layer_map)
    assert copy.config is copy.albert.config


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("embedding", [4, 8])
def test_transformers_loads_every_scheme_unrolled_with_equal_outputs(
    scheme: str, embedding: int, tmp_path: Path
) -> None:
    layer_map = make_layer_map(SharingConfig(scheme, **SETTINGS.get(scheme, {})), 6)
    model = model_of(layer_map, embedding_size=embedding, **LORA)
    with pytest.raises(UserError, match="--unroll"):
        hf_config(model.config)
    unroll_model(model).save_pretrained(tmp_path)
    theirs, info = transformers.AlbertForPreTraining.from_pretrained(
        tmp_path, dtype=torch.float64, attn_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    check_equal(model, theirs.eval())


@pytest.mark.parametrize(
    "make",
    [
        lambda config: AlbertModel(config),
        lambda config: AlbertModel(config, add_pooling_layer=False),
        lambda config: AlbertForPreTraining(config, add_sentence_head=False),
        lambda config: AlbertForMaskedLM(config),
        lambda config: AlbertForSequenceClassification(config),
        lambda config: AlbertForQuestionAnsweringV2(config, start_n_top=2, end_n_top=3),
    ],
)
def test_a_copy_is_of_the_same_class_with_the_same_parts(make: Any) -> None:
    layer_map = make_layer_map(SharingConfig("attention"), 4)
    config = AlbertConfig(**SIZES, num_hidden_layers=4, layer_map=layer_map, attn_implementation="eager")
    model = make(config).double().train()
    model.gradient_checkpointing_enable()
    copy = unroll_model(model)
    assert type(copy) is type(model)
    assert copy.is_gradient_checkpointing
    assert all(module.training for module in copy.modules())
    assert copy.config.attn_implementation == "eager"
    assert {module.attend.__name__ for module in copy.base_model.encoder.attention} == {"eager_attention"}
    model.eval()
    check_equal(model, copy.eval())


def test_a_copy_shares_no_memory_with_its_model_nor_between_its_layers() -> None:
    model = model_of(make_layer_map(SharingConfig("all"), 4), embedding_size=8)
    copy = unroll_model(model)
    owned = [parameter.data_ptr() for each in (model, copy) for parameter in each.parameters()]
    assert len(set(owned)) == len(owned)
    assert {p.dtype for p in copy.parameters()} == {torch.float64}
    assert all(parameter.requires_grad for parameter in copy.parameters())
    assert model.config.layer_map.num_attention_blocks == 1


def test_an_unrolled_model_unrolled_is_the_same() -> None:
    once = unroll_model(model_of(make_layer_map(SharingConfig("cycle", num_blocks=2), 4), **LORA))
    twice = unroll_model(once)
    assert twice.config == once.config
    states = [each.state_dict() for each in (once, twice)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"adapter_size": 2}, "model.adapter_size=2"),
        ({"norm_placement": "pre"}, "model.norm_placement=pre"),
        ({"norm_placement": "deepnorm"}, "model.norm_placement=deepnorm"),
        ({"depth_signal": "universal"}, "model.depth_signal=universal"),
        ({"position_embedding_type": "relative_key"}, "model.position_embedding_type=relative_key"),
        ({"output_embedding_size": 6}, "model.output_embedding_size=6"),
    ],
)
def test_what_no_group_can_say_is_refused_by_name(option: dict[str, Any], says: str) -> None:
    model = model_of(make_layer_map(SharingConfig("all"), 4), **option)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(UserError, match=says) as refusal:
        unroll_model(model)
    assert "--unroll" not in str(refusal.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_option_at_its_usual_value_is_no_hindrance() -> None:
    model = model_of(make_layer_map(SharingConfig("ffn"), 4), output_embedding_size=4, tie_word_embeddings=False)
    check_equal(model, unroll_model(model))
