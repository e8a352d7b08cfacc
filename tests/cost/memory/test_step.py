"""The arithmetic of a step's memory against PyTorch's own tracker, and against what autograd really keeps."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from albert_lab.config.training import OptimizerConfig, OptimizerName
from albert_lab.config.variant import Activation, ModelConfig, SharingConfig
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.cost.memory import operations, step
from albert_lab.cost.memory.measured import saved_activation_bytes
from albert_lab.cost.memory.step import Pass, predict_step_memory
from albert_lab.cost.memory.tracker import track_peak
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap, make_layer_map
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers import linear, losses
from albert_lab.train.optim.optimizers import make_optimizer
from albert_lab.train.tasks.scores import score
from tests.cost.training import loss_of, made_up_batch

Variant = Callable[..., tuple[ModelConfig, LayerMap]]

SMALL = {
    "vocab_size": 1000,
    "embedding_size": 32,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "intermediate_size": 256,
}
WORK = Pass(4, 48, 28)
PACKED = Pass(4, 48, 28, real_tokens=160)


def of(scheme: str = "all", layers: int = 3, **options: Any) -> tuple[ModelConfig, LayerMap]:
    config = ModelConfig(**(SMALL | {"num_hidden_layers": layers} | options))
    blocks = 2 if scheme in ("cycle", "sequence") else None
    return config, make_layer_map(SharingConfig(scheme, num_blocks=blocks), layers)


def error(variant: tuple[ModelConfig, LayerMap], work: Pass, optimizer: OptimizerConfig | None = None) -> float:
    """Of the predicted peak, relative to the tracked one."""
    optimizer = optimizer or OptimizerConfig()
    tracked = track_peak(*variant, work, loss_of(work), lambda model: make_optimizer(model, optimizer, False))
    return predict_step_memory(*variant, work, optimizer).peak / tracked - 1


@pytest.mark.parametrize("work", [WORK, PACKED, Pass(1, 16, 2)], ids=["full", "packed", "few"])
@pytest.mark.parametrize("scheme", ["all", "none", "attention", "ffn", "cycle", "sandwich"])
def test_the_peak_is_the_trackers_for_every_scheme(scheme: str, work: Pass) -> None:
    assert abs(error(of(scheme), work)) < 0.02


OPTIONS: dict[str, dict[str, Any]] = {
    "pre-LN": {"norm_placement": "pre"},
    "DeepNorm and universal signals": {"norm_placement": "deepnorm", "depth_signal": "universal"},
    "relative key": {"position_embedding_type": "relative_key"},
    "relative key and query": {"position_embedding_type": "relative_key_query"},
    "dropout": {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1},
    "LoRA and adapters": {"lora_rank": 4, "lora_bias": True, "adapter_size": 16},
    "an output table": {"output_embedding_size": 48},
    "E = H": {"embedding_size": 64},
    "ReLU": {"hidden_act": Activation.relu},
}


@pytest.mark.parametrize("work", [WORK, replace(PACKED, low=True)], ids=["full", "packed, bf16"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_peak_is_the_trackers_for_every_option(options: dict[str, Any], work: Pass) -> None:
    assert abs(error(of("cycle", **options), work)) < 0.05


@pytest.mark.parametrize("low", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("scheme", ["all", "none"])
def test_recomputing_and_several_micro_batches_are_in_it(scheme: str, low: bool) -> None:
    work = replace(PACKED, low=low, recompute=True, accumulates=True)
    assert abs(error(of(scheme), work)) < 0.02


@pytest.mark.parametrize(
    "optimizer",
    [
        OptimizerConfig(name=OptimizerName.lamb),
        OptimizerConfig(name=OptimizerName.lamb, bias_correction=True),
        OptimizerConfig(bias_correction=True),
    ],
    ids=["LAMB", "standard LAMB", "standard AdamW"],
)
def test_the_update_of_every_optimizer_is_in_it(optimizer: OptimizerConfig) -> None:
    assert abs(error(of("none"), Pass(1, 16, 2), optimizer)) < 0.02


@pytest.mark.parametrize("options", [{}, OPTIONS["LoRA and adapters"], OPTIONS["pre-LN"]], ids=["plain", "own", "pre"])
@pytest.mark.parametrize("work", [WORK, Pass(4, 48, 28, real_tokens=152)], ids=["full", "packed"])
def test_activations_are_what_a_real_training_step_keeps(options: dict[str, Any], work: Pass) -> None:
    config, layer_map = of("cycle", hidden_size=128, **options)  # wide enough for leaving padding out to pay
    model = AlbertForPreTraining(AlbertConfig.of(config, layer_map, remove_padding=True))
    batch = made_up_batch(work, config.vocab_size)
    kept = saved_activation_bytes(model, lambda: score(model, batch).mlm_loss)
    predicted = predict_step_memory(config, layer_map, work, OptimizerConfig()).activations
    assert predicted == pytest.approx(kept, rel=0.01)


def test_checkpointing_keeps_an_input_a_layer(variant: Variant) -> None:
    deep, shallow = (
        predict_step_memory(*of(layers=n), replace(WORK, recompute=True), OptimizerConfig()).activations for n in (9, 3)
    )
    assert deep - shallow == 6 * 4 * WORK.tokens * SMALL["hidden_size"]


def test_sharing_saves_state_and_no_activations() -> None:
    shared, own = (predict_step_memory(*of(scheme), WORK, OptimizerConfig()) for scheme in ("all", "none"))
    assert shared.activations == own.activations
    assert shared.state < 0.6 * own.state
    assert own.weights == 4 * count_parameters(*of("none")).unique


def test_bfloat16_keeps_a_cast_of_every_unique_weight() -> None:
    """So with autocast sharing saves activations too: the casts of the weights are among them."""
    low = replace(WORK, low=True)
    shared, own = (predict_step_memory(*of(scheme), low, OptimizerConfig()).activations for scheme in ("all", "none"))
    counts = count_parameters(*of("none"))
    blocks = counts.by_part["attention"] + counts.by_part["ffn"]
    assert own - shared == 2 * blocks * 2 // 3 - 2 * (4 * 64 + 256 + 64) * 2  # biases are cast and not kept


def test_constants_are_those_of_the_model() -> None:
    assert (operations.CHUNK_BYTES, step.ROWS) == (losses.CHUNK_BYTES, linear.ROWS)


def test_predicting_memory_needs_no_torch() -> None:
    code = "import sys, albert_lab.cost.figures, albert_lab.cli.cost_text; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
