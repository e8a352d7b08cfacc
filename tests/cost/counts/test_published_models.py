"""The released models' configurations, as the command line composes them, have the released models' parameters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AlbertConfig as HfConfig
from transformers import AlbertForMaskedLM, AlbertForPreTraining, AlbertModel

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.check import check
from albert_lab.config.compose import from_hydra
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.schema import PretrainConfig
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map

COUNTS = {  # backbone with pooler, with both heads, masked language model alone (no pooler)
    "base": (11_683_584, 11_813_810, 11_221_680),
    "large": (17_683_968, 17_847_474, 16_795_824),
    "xlarge": (58_724_864, 59_021_490, 54_821_040),
    "xxlarge": (222_595_584, 223_158_450, 206_368_944),
}
DROPOUT = {("base", "v1"): 0.1, ("large", "v1"): 0.1, ("xlarge", "v1"): 0.1}  # of hidden states and attention; else 0
HEADS = {"base": 12, "large": 16, "xlarge": 16, "xxlarge": 64}
MODELS = [(shape, release) for shape in COUNTS for release in ("[]", "v1", "v2")]
IDS = [f"{shape}-{release}" for shape, release in MODELS]


@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PretrainConfig]:
    """What `albert-lab pretrain` would train with the overrides given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["albert-lab"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    def composed(*overrides: str) -> PretrainConfig:
        seen: list[Any] = []
        run_app(seen.append, "pretrain", list(overrides))
        found = from_hydra(seen[0], PretrainConfig)
        check(found)
        return found

    return composed


@pytest.fixture
def config(request: pytest.FixtureRequest, compose: Callable[..., PretrainConfig]) -> PretrainConfig:
    shape, release = request.param
    return compose(f"model={shape}", f"release={release}", "scale=paper")


def hf_config(config: PretrainConfig) -> HfConfig:
    layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
    return HfConfig(**AlbertConfig.of(config.model, layer_map).to_dict())


def hf_count(kind: Any, config: PretrainConfig) -> int:
    with torch.device("meta"):
        model = kind(hf_config(config))
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("config", "shape"), [(model, model[0]) for model in MODELS], ids=IDS, indirect=["config"])
def test_a_released_configuration_has_the_released_parameters(config: PretrainConfig, shape: str) -> None:
    layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
    both = count_parameters(config.model, layer_map)
    alone = count_parameters(config.model, layer_map, sentence_head=False)
    assert (both.backbone_with_pooler, both.unique, alone.unique) == COUNTS[shape]
    assert (
        tuple(hf_count(kind, config) for kind in (AlbertModel, AlbertForPreTraining, AlbertForMaskedLM))
        == COUNTS[shape]
    )


@pytest.mark.parametrize(("config", "released"), [(model, model) for model in MODELS], ids=IDS, indirect=["config"])
def test_a_released_configuration_says_what_was_trained(config: PretrainConfig, released: tuple[str, str]) -> None:
    model, dropout = config.model, DROPOUT.get(released, 0.0)
    assert (model.hidden_dropout_prob, model.attention_probs_dropout_prob) == (dropout, dropout)
    assert (model.hidden_act.value, model.classifier_dropout_prob) == ("gelu_new", 0.1)
    assert (model.vocab_size, model.embedding_size, model.num_attention_heads) == (
        30000,
        128,
        HEADS[released[0]],
    )
    assert hf_config(config).layer_norm_eps == 1e-12


def test_every_model_of_the_command_line_is_tested() -> None:
    of_scales = {"smoke", "tiny", "mini"}
    assert {file.stem for file in (CONF_FOLDER / "model").glob("*.yaml")} == set(COUNTS) | of_scales
    assert {file.stem for file in (CONF_FOLDER / "release").glob("*.yaml")} == {"v1", "v2"}


@pytest.mark.parametrize("scale", ["smoke", "tiny", "mini", "paper"])
def test_a_model_that_is_asked_for_is_what_every_scale_trains(
    scale: str, compose: Callable[..., PretrainConfig]
) -> None:
    model = compose(f"scale={scale}", "model=large").model
    assert (model.hidden_size, model.num_hidden_layers, model.embedding_size) == (1024, 24, 128)
