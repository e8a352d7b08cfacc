"""The analytic FLOPs equal what PyTorch's own counter sees, exactly, forward and backward."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from albert_lab.config.variant import (
    DepthSignal,
    ModelConfig,
    NormPlacement,
    Pooling,
    PositionEmbedding,
    ProjectionRule,
    SharingConfig,
)
from albert_lab.cost.counts.flops import (
    count_beam_flops,
    count_flops,
    count_flops_per_token,
    count_recomputed_flops,
    count_task_flops,
)
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.cost.counts.weights import TaskHead
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap, make_layer_map
from albert_lab.model.schemes import SCHEMES
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.classification import (
    AlbertForMultipleChoice,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.model.torch.question_answering import AlbertForQuestionAnswering, AlbertForQuestionAnsweringV2

Variant = Callable[..., tuple[ModelConfig, LayerMap]]
Shape = tuple[int, int, int]  # sequences, tokens of each, masked tokens of the batch


def counted(
    config: ModelConfig, layer_map: LayerMap, shape: Shape, sentence_head: bool, device: str, recompute: bool = False
) -> tuple[dict[str, int], int]:
    """Forward FLOPs by module and training FLOPs, as the counter sees them.

    The unfused attention is asked for, since the counter is blind to the CPU's fused kernel.
    """
    batch, length, masked = shape
    with torch.device(device), sdpa_kernel(SDPBackend.MATH):
        model = AlbertForPreTraining(AlbertConfig.of(config, layer_map), sentence_head)
        if recompute:
            model.gradient_checkpointing_enable()
        ids, positions = torch.zeros(batch, length, dtype=torch.long), torch.zeros(masked, dtype=torch.long)
        with FlopCounterMode(display=False) as forward:
            output = model(ids, None, ids, masked_positions=positions)
        with FlopCounterMode(display=False) as backward:
            sum(logits.sum() for logits in output.values()).backward()
    modules = {name: sum(counts.values()) for name, counts in forward.get_flop_counts().items()}
    return modules, forward.get_total_flops() + backward.get_total_flops()


@st.composite
def variants(draw: st.DrawFn) -> tuple[ModelConfig, LayerMap]:
    layers, heads = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    config = ModelConfig(
        vocab_size=draw(st.integers(3, 40)),
        embedding_size=draw(st.sampled_from([4, 6 * heads])),
        hidden_size=6 * heads,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=draw(st.integers(1, 30)),
        embedding_projection=draw(st.sampled_from(ProjectionRule)),
        position_embedding_type=draw(st.sampled_from(PositionEmbedding)),
        output_embedding_size=draw(st.sampled_from([None, 3])),
        norm_placement=draw(st.sampled_from(NormPlacement)),
        depth_signal=draw(st.sampled_from(DepthSignal)),
        lora_rank=draw(st.integers(0, 3)),
        adapter_size=draw(st.integers(0, 3)),
    )
    return config, draw(st.sampled_from(maps_of_every_scheme(layers)))


@cache
def maps_of_every_scheme(layers: int) -> list[LayerMap]:
    """All that the schemes make of so many layers, by the settings they read, and a map of one's own."""
    settings = [{}, *({"num_blocks": n} for n in range(1, 5)), {"num_hidden_groups": 2, "inner_group_num": 2}]
    asked = [SharingConfig(name, **setting) for name in SCHEMES if name != "custom" for setting in settings]
    asked.append(SharingConfig("custom", attention=[0] * layers, ffn=list(range(layers))[::-1]))
    return [made for sharing in asked if (made := map_or_none(sharing, layers))]


def map_or_none(sharing: SharingConfig, layers: int) -> LayerMap | None:
    try:
        return make_layer_map(sharing, layers)
    except UserError:
        return None


def test_maps_of_every_scheme_are_drawn() -> None:
    made = {name for name in SCHEMES if any(map_or_none(SharingConfig(name, num_blocks=n), 4) for n in (None, 2, 3))}
    assert made == set(SCHEMES) - {"custom"}
    assert len(maps_of_every_scheme(4)) > len(SCHEMES)


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 5))


@settings(max_examples=25, deadline=None)
@given(variant=variants(), shape=SHAPES, sentence_head=st.booleans())
def test_flops_equal_pytorchs_counter(variant: tuple[ModelConfig, LayerMap], shape: Shape, sentence_head: bool) -> None:
    flops = count_flops(*variant, *shape, sentence_head)
    modules, training = counted(*variant, shape, sentence_head, "meta")
    assert flops.training == training
    assert flops.forward == modules["Global"]


def task_model(head: TaskHead, config: AlbertConfig) -> AlbertPreTrainedModel:
    kinds: dict[TaskHead, type[AlbertPreTrainedModel]] = {
        TaskHead.sequence_classification: AlbertForSequenceClassification,
        TaskHead.multiple_choice: AlbertForMultipleChoice,
        TaskHead.token_classification: AlbertForTokenClassification,
        TaskHead.question_answering: AlbertForQuestionAnswering,
        TaskHead.question_answering_v2: AlbertForQuestionAnsweringV2,
    }
    return kinds[head](config)


def task_inputs(head: TaskHead, questions: int, choices: int, length: int) -> dict[str, torch.Tensor]:
    shape = (questions, choices, length) if head is TaskHead.multiple_choice else (questions * choices, length)
    integers: Any = {"dtype": torch.long}
    inputs = {"input_ids": torch.zeros(shape, **integers)}
    count = shape[0]
    if head in (TaskHead.question_answering, TaskHead.question_answering_v2):
        return (
            inputs
            | {f"{end}_positions": torch.zeros(count, **integers) for end in ("start", "end")}
            | ({"is_impossible": torch.zeros(count, **integers)} if head is TaskHead.question_answering_v2 else {})
        )
    labels = (count, length) if head is TaskHead.token_classification else (count,)
    return inputs | {"labels": torch.zeros(labels, **integers)}


@settings(max_examples=20, deadline=None)
@given(
    variant=variants(),
    head=st.sampled_from(TaskHead),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9)),
    labels=st.integers(2, 5),
    frozen_encoder=st.booleans(),
    pooling=st.sampled_from(Pooling),
)
def test_flops_of_every_task_equal_pytorchs_counter(
    variant: tuple[ModelConfig, LayerMap],
    head: TaskHead,
    shape: Shape,
    labels: int,
    frozen_encoder: bool,
    pooling: Pooling,
) -> None:
    questions, choices, length = shape
    pooling = pooling if head is TaskHead.sequence_classification else Pooling.cls
    flops = count_task_flops(*variant, head, questions * choices, length, labels, frozen_encoder, pooling)
    options: dict[str, Any] = {
        "num_labels": labels,
        "problem_type": "single_label_classification",
        "classifier_pooling": pooling,
    }
    with torch.device("cpu"), sdpa_kernel(SDPBackend.MATH):
        model = task_model(head, AlbertConfig.of(*variant, **options))
        if frozen_encoder:
            model.albert.requires_grad_(False)
        with FlopCounterMode(display=False) as forward:
            loss = model(**task_inputs(head, questions, choices, length)).loss
        with FlopCounterMode(display=False) as backward:
            loss.backward()
    assert flops.forward == forward.get_total_flops()
    assert flops.training == forward.get_total_flops() + backward.get_total_flops()


@pytest.mark.parametrize("length", [3, 9])
def test_flops_of_a_beam_equal_pytorchs_counter(variant: Variant, length: int) -> None:
    config, layer_map = variant("tiny", vocab_size=40, embedding_size=8)
    head = TaskHead.question_answering_v2
    model, ids = task_model(head, AlbertConfig.of(config, layer_map)).eval(), torch.zeros(2, length, dtype=torch.long)
    positions = torch.zeros(2, dtype=torch.long)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(ids, start_positions=positions, end_positions=positions, return_beam=True)
    flops = count_task_flops(config, layer_map, head, 2, length).forward + count_beam_flops(config, 2, length)
    assert flops == counter.get_total_flops()


@settings(max_examples=10, deadline=None)
@given(variant=variants(), shape=SHAPES)
def test_flops_of_recomputed_layers_equal_pytorchs_counter(variant: tuple[ModelConfig, LayerMap], shape: Shape) -> None:
    plain = count_flops(*variant, *shape).training
    assert (
        plain + count_recomputed_flops(*variant, *shape[:2]) == counted(*variant, shape, True, "cpu", recompute=True)[1]
    )


@pytest.mark.parametrize("scheme", ["all", "none", "attention", "ffn"])
def test_parts_equal_pytorchs_counter_on_the_cpu(variant: Variant, scheme: str) -> None:
    config, layer_map = variant("tiny", scheme, vocab_size=40, embedding_size=8, lora_rank=2, adapter_size=3)
    modules, training = counted(config, layer_map, (2, 5, 3), True, "cpu")
    flops = count_flops(config, layer_map, 2, 5, 3)
    assert flops.training == training
    part, name = flops.by_part, "AlbertForPreTraining."
    assert part["projection"] == modules[name + "albert.embeddings"]
    encoder = part["attention_projections"] + part["attention_products"] + part["ffn"] + part["lora"] + part["adapters"]
    assert encoder == modules[name + "albert.encoder"]
    adapters = [flops for module, flops in modules.items() if re.search(r"adapters\.\d\.\w+$", module)]
    assert (len(adapters), sum(adapters)) == (4 * 2, part["adapters"])
    pairs = [flops for module, flops in modules.items() if re.search(r"lora\.\d\.\w+\.\w+$", module)]
    assert (len(pairs), sum(pairs)) == (4 * 6, part["lora"])
    assert part["mlm_transform"] + part["mlm_vocabulary"] == modules[name + "predictions"]
    assert (
        part["pooler"] + part["classifier"]
        == modules[name + "albert"] - modules[name + "albert.embeddings"] - encoder + modules[name + "sop_classifier"]
    )


def test_sharing_saves_no_flops(variant: Variant) -> None:
    assert len({count_flops(*variant("base", scheme), 1, 512, 77).training for scheme in ("all", "none", "ffn")}) == 1


def test_relative_positions_cost_one_or_two_products_of_the_scores_size(variant: Variant) -> None:
    by_kind = {
        kind: count_flops(*variant("base", position_embedding_type=kind), 1, 512, 77).by_part["attention_products"]
        for kind in PositionEmbedding
    }
    absolute = by_kind[PositionEmbedding.absolute]
    assert by_kind[PositionEmbedding.none] == absolute
    assert by_kind[PositionEmbedding.relative_key] / absolute == 3 / 2
    assert by_kind[PositionEmbedding.relative_key_query] / absolute == 2


def test_an_output_table_costs_by_its_width_and_not_for_being_its_own(variant: Variant) -> None:
    tied, own, wider = (
        count_flops(*variant("base", output_embedding_size=size), 1, 512, 77).by_part for size in (None, 128, 256)
    )
    assert own == tied
    assert {part for part in tied if wider[part] == 2 * tied[part] > 0} == {"mlm_transform", "mlm_vocabulary"}


def test_only_masked_tokens_meet_the_vocabulary(variant: Variant) -> None:
    few, many = (count_flops(*variant("base"), 2, 512, masked) for masked in (40, 1024))
    assert many.by_part["mlm_vocabulary"] / few.by_part["mlm_vocabulary"] == 1024 / 40
    assert few.by_part["mlm_vocabulary"] == 2 * 40 * 128 * 30000
    assert {part for part in few.by_part if few.by_part[part] != many.by_part[part]} == {
        "mlm_vocabulary",
        "mlm_transform",
    }


def test_flops_per_token_are_a_full_sequences_share(variant: Variant) -> None:
    sequence = count_flops(*variant("base"), 1, 512, 77)
    assert count_flops_per_token(*variant("base"), 512, 0.15).training == sequence.training / 512
    capped = count_flops(*variant("base"), 1, 512, 20, sentence_head=False)
    per_token = count_flops_per_token(*variant("base"), 512, 0.15, sentence_head=False, max_predictions_per_seq=20)
    assert per_token.forward == capped.forward / 512


@pytest.mark.parametrize(
    ("shape", "billions", "times"),
    [("base", 0.57, 8.1), ("large", 1.97, 18.5), ("xlarge", 7.56, 21.4), ("xxlarge", 14.80, 11.1)],
)
def test_six_times_the_parameters_is_far_too_low_for_shared_layers(
    variant: Variant, shape: str, billions: float, times: float
) -> None:
    config, layer_map = variant(shape)
    training = count_flops_per_token(config, layer_map, 512, 0.15).training
    assert training / 1e9 == pytest.approx(billions, abs=0.005)
    rule = 6 * count_parameters(config, layer_map).backbone_with_pooler
    assert training / rule == pytest.approx(times, abs=0.05)


def test_an_impossible_model_is_not_counted(variant: Variant) -> None:
    with pytest.raises(UserError, match="nearest: 768"):
        count_flops(*variant("base", hidden_size=770), 1, 512, 77)


def test_counting_flops_needs_no_torch() -> None:
    code = "import sys, albert_lab.cost.counts.flops; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
