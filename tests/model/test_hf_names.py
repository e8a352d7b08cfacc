"""Against Hugging Face: the same weights give the same outputs, losses and gradients, and names map one to one."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional
from transformers import AlbertConfig, AlbertForMaskedLM, AlbertForPreTraining, PreTrainedModel

from albert_lab.config.errors import UserError
from albert_lab.config.schema import Activation, ModelConfig, ProjectionRule, SharingConfig
from albert_lab.model.hf_names import from_hf_state_dict, hf_name_map, hf_num_hidden_groups, to_hf_state_dict
from albert_lab.model.layer_map import LayerMap, make_layer_map
from albert_lab.model.pretraining import PretrainingModel

MakeConfig = Callable[..., ModelConfig]
TIED = {"predictions.decoder.weight", "predictions.decoder.bias"}


def groups_map(groups: int, layers: int = 6) -> LayerMap:
    return make_layer_map(SharingConfig("groups", num_hidden_groups=groups), layers)


def hf_model(ours: PretrainingModel) -> PreTrainedModel:
    """Hugging Face's model of the same variant with the same weights, in float64."""
    config = ours.config
    names = {name: value for name, value in vars(config).items() if name in AlbertConfig().to_dict()}
    names |= {"hidden_act": config.hidden_act.value, "num_hidden_groups": hf_num_hidden_groups(ours.layer_map)}
    kind = AlbertForPreTraining if ours.sentence_head is not None else AlbertForMaskedLM
    model = kind(AlbertConfig(**names, classifier_dropout_prob=0.0)).double()
    missing, unknown = model.load_state_dict(to_hf_state_dict(ours), strict=False)
    assert not unknown
    assert set(missing) == TIED
    model.tie_weights()
    return model


def hf_logits(theirs: PreTrainedModel, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    output = theirs(batch.input_ids, attention_mask=batch.attention_mask.long(), token_type_ids=batch.token_type_ids)
    return output.prediction_logits.flatten(0, 1)[batch.masked_positions], output.sop_logits


@pytest.fixture(params=[1, 3, 6], ids=lambda groups: f"G={groups}")
def layer_map(request: pytest.FixtureRequest) -> LayerMap:
    return groups_map(request.param)


@pytest.fixture(params=[(8, Activation.gelu_new), (16, Activation.gelu_new), (8, Activation.gelu)], ids=str)
def ours(
    request: pytest.FixtureRequest, make_config: MakeConfig, layer_map: LayerMap, perturb: Any
) -> PretrainingModel:
    size, activation = request.param
    config = make_config(embedding_size=size, hidden_act=activation, embedding_projection=ProjectionRule.always)
    model = PretrainingModel(config, layer_map).double()
    perturb(model)
    return model


def test_outputs_losses_and_gradients_equal_hugging_faces(ours: PretrainingModel, batch: Any, loss_of: Any) -> None:
    theirs = hf_model(ours)
    output, reference = ours(*batch), hf_logits(theirs, batch)
    for mine, other in zip(output, reference, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
    losses = loss_of(output), loss_of(type(output)(*reference))
    torch.testing.assert_close(*losses, rtol=0, atol=1e-10)
    for loss in losses:
        loss.backward()
    names = hf_name_map(ours.config, ours.layer_map)
    for name, parameter in ours.named_parameters():
        other = theirs.get_parameter(names[name])
        torch.testing.assert_close(parameter.grad, other.grad, rtol=0, atol=1e-10, msg=name)


def test_the_loss_equals_hugging_faces_own(ours: PretrainingModel, batch: Any, loss_of: Any) -> None:
    labels = torch.full((27,), -100)
    labels[batch.masked_positions] = torch.tensor([3, 1, 4, 1, 5])
    reference = hf_model(ours)(
        batch.input_ids,
        attention_mask=batch.attention_mask.long(),
        token_type_ids=batch.token_type_ids,
        labels=labels.view(3, 9),
        sentence_order_label=torch.tensor([0, 1, 1]),
    )
    torch.testing.assert_close(loss_of(ours(*batch)), reference.loss, rtol=0, atol=1e-10)


def test_ffn_dropout_is_ours_and_missing_in_hugging_faces(make_config: MakeConfig, batch: Any) -> None:
    config = make_config(num_hidden_layers=1, hidden_dropout_prob=0.5, embedding_projection=ProjectionRule.always)
    model = PretrainingModel(config, groups_map(1, layers=1)).double()
    theirs = hf_model(model).train()
    model.backbone.embeddings.dropout.p = model.backbone.encoder.attention[0].dropout.p = 0.0
    theirs.albert.embeddings.dropout.p = 0.0
    theirs.albert.encoder.albert_layer_groups[0].albert_layers[0].attention.output_dropout.p = 0.0
    reference, _ = hf_logits(theirs, batch)
    assert not torch.allclose(model(*batch).mlm_logits, reference)
    model.backbone.encoder.ffn[0].dropout.p = 0.0
    torch.testing.assert_close(model(*batch).mlm_logits, reference, rtol=0, atol=1e-10)


def test_names_map_one_to_one_onto_hugging_faces(ours: PretrainingModel) -> None:
    names = hf_name_map(ours.config, ours.layer_map)
    assert list(names) != []
    assert set(names) == set(ours.state_dict())
    assert set(names.values()) | TIED == set(hf_model(ours).state_dict())
    assert len(set(names.values())) == len(names)


def test_a_state_survives_the_trip_through_hugging_face(ours: PretrainingModel) -> None:
    back = from_hf_state_dict(hf_model(ours).state_dict(), ours.config, ours.layer_map)
    assert set(back) == set(ours.state_dict())
    assert all(torch.equal(tensor, back[name]) for name, tensor in ours.state_dict().items())


def test_without_a_sentence_head_it_is_hugging_faces_masked_language_model(make_config: MakeConfig, batch: Any) -> None:
    ours = PretrainingModel(make_config(), groups_map(2), sentence_head=False).double()
    theirs = hf_model(ours)
    assert isinstance(theirs, AlbertForMaskedLM)
    reference = theirs(
        batch.input_ids, attention_mask=batch.attention_mask.long(), token_type_ids=batch.token_type_ids
    ).logits
    everywhere = ours(*batch._replace(masked_positions=None)).mlm_logits.view(3, 9, -1)
    real = batch.attention_mask
    torch.testing.assert_close(everywhere[real], reference[real], rtol=0, atol=1e-10)
    assert functional.mse_loss(everywhere[real], reference[real]) < 1e-20


@pytest.mark.parametrize("scheme", ["attention", "ffn"])
def test_maps_hugging_face_lacks_are_refused(make_config: MakeConfig, scheme: str) -> None:
    layer_map = make_layer_map(SharingConfig(scheme), 6)
    with pytest.raises(UserError, match=r"cannot be written for Hugging Face.*nearest"):
        hf_name_map(make_config(), layer_map)


def test_norms_of_their_own_are_refused() -> None:
    layer_map = make_layer_map(SharingConfig("all", ffn_norm=[0, 1, 2]), 3)
    with pytest.raises(UserError, match=r"sharing.ffn_norm=\[0, 1, 2\] cannot be written"):
        hf_num_hidden_groups(layer_map)


def test_groups_that_hugging_face_cuts_elsewhere_are_refused() -> None:
    assert hf_num_hidden_groups(groups_map(12, 24)) == 12
    with pytest.raises(UserError, match=r"cannot be written for Hugging Face"):
        hf_num_hidden_groups(groups_map(14, 18))


def test_a_model_without_projection_is_refused(make_config: MakeConfig) -> None:
    with pytest.raises(UserError, match=r"set model.embedding_projection=always"):
        hf_name_map(make_config(embedding_size=16), groups_map(1))


def test_a_state_of_another_variant_is_refused(make_config: MakeConfig) -> None:
    config = make_config()
    state = to_hf_state_dict(PretrainingModel(config, groups_map(2)))
    with pytest.raises(UserError, match=r"lacks.*albert_layer_groups.2.*build the model with the checkpoint's own"):
        from_hf_state_dict(state, config, groups_map(3))
    with pytest.raises(UserError, match=r"lacks nothing and has.*albert_layer_groups.1"):
        from_hf_state_dict(state, config, groups_map(1))
