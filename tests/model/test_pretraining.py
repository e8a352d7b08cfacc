"""The pre-training model: shapes, masks, positions, dropout sites, devices and the errors of impossible sizes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from albert_lab.config.variant import Activation, ModelConfig, ProjectionRule, SharingConfig
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.torch.albert import AlbertForMaskedLM, AlbertForPreTraining

MakeConfig = Callable[..., ModelConfig]


def build(config: ModelConfig, sentence_head: bool = True, **sharing: Any) -> AlbertForPreTraining:
    return AlbertForPreTraining(albert_config(config, **sharing), sentence_head)


def albert_config(config: ModelConfig, **sharing: Any) -> AlbertConfig:
    return AlbertConfig.of(config, make_layer_map(SharingConfig(**sharing), config.num_hidden_layers))


def test_logits_have_a_row_per_masked_token_or_per_token(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config()).double().eval()
    selected, everywhere = model(**batch._asdict()), model(**batch._replace(masked_positions=None)._asdict())
    assert selected.prediction_logits.shape == (5, 50)
    assert selected.sop_logits.shape == (3, 2)
    torch.testing.assert_close(
        selected.prediction_logits,
        everywhere.prediction_logits.flatten(0, 1)[batch.masked_positions],
        rtol=0,
        atol=1e-12,
    )


WORDS, ORDER = torch.tensor([3, 1, -100, 1, 5]), torch.tensor([0, 1, 1])


@pytest.mark.parametrize("output_width", [None, 20])
def test_sums_are_those_of_the_logits(make_config: MakeConfig, batch: Any, output_width: int | None) -> None:
    """32 rows are computed for 5 masked words; what fills them up, and the word that is ignored, adds nothing."""
    model = build(make_config(output_embedding_size=output_width)).double().eval()
    plain = model(**batch._asdict())
    sums = model(**batch._asdict(), labels=WORDS, sentence_order_label=ORDER, return_sums=True)
    word_loss = functional.cross_entropy(plain.prediction_logits, WORDS, reduction="sum")
    sentence_loss = functional.cross_entropy(plain.sop_logits.float(), ORDER, reduction="sum")
    torch.testing.assert_close(sums.word_loss, word_loss, rtol=0, atol=1e-10)
    assert torch.equal(sums.sentence_loss, sentence_loss)
    assert sums.word_hits == (plain.prediction_logits.argmax(-1) == WORDS).sum()
    assert sums.sentence_hits == (plain.sop_logits.argmax(-1) == ORDER).sum()
    for one, two in zip(gradients(model, sums.word_loss), gradients(model, word_loss), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-10)


def gradients(model: nn.Module, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters()), retain_graph=True, materialize_grads=True))


def test_sums_over_every_token_equal_those_at_its_masked_ones(make_config: MakeConfig, batch: Any) -> None:
    model = AlbertForMaskedLM(albert_config(make_config())).double().eval()
    labels = torch.full((27,), -100).index_copy(0, batch.masked_positions, WORDS).view(3, 9)
    everywhere = model(**batch._replace(masked_positions=None)._asdict(), labels=labels, return_sums=True)
    selected = model(**batch._asdict(), labels=WORDS, return_sums=True)
    torch.testing.assert_close(everywhere.word_loss, selected.word_loss, rtol=0, atol=1e-10)
    assert everywhere.word_hits == selected.word_hits


def test_sums_of_sentences_need_their_head_and_labels(make_config: MakeConfig, batch: Any) -> None:
    with_head, without_head = build(make_config()), build(make_config(), sentence_head=False)
    inputs = batch._asdict() | {"labels": WORDS, "return_sums": True}
    assert with_head(**inputs).sentence_loss is None
    assert without_head(**inputs, sentence_order_label=ORDER)[2:] == (None, None)
    with pytest.raises(ValueError, match="needs labels"):
        with_head(**batch._asdict(), return_sums=True)


def test_without_a_sentence_head_there_is_no_pooler(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config(), sentence_head=False)
    assert model(**batch._asdict()).sop_logits is None
    assert not any("pooler" in name or "sentence" in name for name in model.state_dict())


def test_padding_changes_nothing(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config()).double().eval()
    other = batch._replace(input_ids=torch.where(batch.attention_mask, batch.input_ids, 7))
    for one, two in zip(model(**batch._asdict()).values(), model(**other._asdict()).values(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_no_mask_equals_a_mask_without_padding(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config()).double().eval()
    masked, unmasked = (batch._replace(attention_mask=m) for m in (torch.ones(3, 9, dtype=torch.bool), None))
    for one, two in zip(model(**masked._asdict()).values(), model(**unmasked._asdict()).values(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", list(Activation))
def test_every_activation_trains(make_config: MakeConfig, batch: Any, loss_of: Any, activation: Activation) -> None:
    model = build(make_config(hidden_act=activation))
    loss_of(model(**batch._asdict())).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(("embedding", "rule", "expected"), [(8, "if_needed", True), (16, "if_needed", False)])
def test_projection_exists_where_its_rule_says(
    make_config: MakeConfig, embedding: int, rule: str, expected: bool
) -> None:
    model = build(make_config(embedding_size=embedding, embedding_projection=ProjectionRule[rule]))
    assert (model.albert.embeddings.projection is not None) is expected
    always = build(make_config(embedding_size=embedding, embedding_projection=ProjectionRule.always))
    assert always.albert.embeddings.projection is not None


def active_dropouts(model: AlbertForPreTraining, batch: Any) -> set[str]:
    """The modules that drop something in one forward pass."""
    active = set()
    for name, module in model.named_modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(
                lambda _, inputs, output, name=name: None if torch.equal(inputs[0], output) else active.add(name)
            )
    model(**batch._asdict())
    return active


def test_hidden_dropout_acts_at_googles_sites(make_config: MakeConfig, batch: Any) -> None:
    everywhere = {
        "albert.embeddings.dropout",
        "albert.encoder.attention.0.dropout",
        "albert.encoder.ffn.0.dropout",
    }
    hugging_faces = everywhere - {"albert.encoder.ffn.0.dropout"}
    assert active_dropouts(build(make_config(hidden_dropout_prob=0.5)), batch) == everywhere
    assert active_dropouts(build(make_config(hidden_dropout_prob=0.5, ffn_dropout=False)), batch) == hugging_faces
    assert active_dropouts(build(make_config(hidden_dropout_prob=0.5)).eval(), batch) == set()


@pytest.mark.parametrize("site", ["attention_probs_dropout_prob", "hidden_dropout_prob"])
def test_dropout_is_off_in_evaluation(make_config: MakeConfig, batch: Any, site: str) -> None:
    model = build(make_config(**{site: 0.5}))
    assert not torch.equal(model(**batch._asdict()).prediction_logits, model(**batch._asdict()).prediction_logits)
    model.eval()
    assert torch.equal(model(**batch._asdict()).prediction_logits, model(**batch._asdict()).prediction_logits)


def test_meta_device_builds_without_memory(make_config: MakeConfig, batch: Any) -> None:
    with torch.device("meta"):
        model = build(make_config(hidden_size=4096, num_attention_heads=64, intermediate_size=16384))
    output = model(**{name: part.to("meta") for name, part in batch._asdict().items()})
    assert output.prediction_logits.device.type == "meta"


def test_bfloat16_autocast_stays_near_float32(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config()).eval()
    with torch.autocast("cpu", torch.bfloat16):
        low = model(**batch._asdict()).prediction_logits
    assert low.dtype is torch.bfloat16
    torch.testing.assert_close(low.float(), model(**batch._asdict()).prediction_logits, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("scheme", ["all", "attention"])
def test_forward_is_one_graph_without_breaks(make_config: MakeConfig, batch: Any, scheme: str) -> None:
    model = build(make_config(num_hidden_layers=2), scheme=scheme).eval()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(
        compiled(**batch._asdict()).prediction_logits, model(**batch._asdict()).prediction_logits
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"hidden_size": 770, "num_attention_heads": 12},
            r"model.hidden_size=770 is not divisible by .*=12; nearest: 768",
        ),
        ({"hidden_size": 3, "num_attention_heads": 12}, r"not divisible by .*=12; nearest: 12"),
        ({"num_hidden_layers": 5}, "model.num_hidden_layers=5 and the layer map has 6 layers"),
    ],
)
def test_an_impossible_model_is_refused_with_a_remedy(
    make_config: MakeConfig, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        AlbertForPreTraining(AlbertConfig.of(make_config(**change), make_layer_map(SharingConfig(), 6)))


def test_a_sequence_beyond_the_positions_is_refused(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config(max_position_embeddings=8))
    with pytest.raises(UserError, match=r"9 tokens is longer than model.max_position_embeddings=8; cut it to 8"):
        model(**batch._asdict())


def test_a_mask_of_numbers_is_the_mask_of_what_is_not_0(make_config: MakeConfig, batch: Any) -> None:
    model = build(make_config()).eval()
    as_numbers = batch._replace(attention_mask=batch.attention_mask.long())
    assert torch.equal(model(**batch._asdict()).prediction_logits, model(**as_numbers._asdict()).prediction_logits)


def test_a_mask_of_three_dimensions_is_refused(make_config: MakeConfig, batch: Any) -> None:
    with pytest.raises(ValueError, match="attention_mask has 3 dimensions"):
        build(make_config())(**batch._replace(attention_mask=batch.attention_mask[None])._asdict())
