"""ZeRO's memory is the paper's, what FSDP sends is what PyTorch's collectives are given, and nothing is free."""

import json
import subprocess
import sys

import pytest

from albert_lab.config.schema import TrainerConfig
from albert_lab.config.training import OptimizerConfig, OptimizerName
from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.cost.cluster.strategies import (
    BUCKETS,
    STRATEGIES,
    StrategyCost,
    Traffic,
    choose_strategy,
    estimate_strategy,
    select_strategies,
    zero_state,
)
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.cost.counts.weights import list_weights
from albert_lab.cost.figures import checkpoint_figures
from albert_lab.cost.memory.operations import FLOAT
from albert_lab.cost.memory.step import Pass, predict_step_memory
from albert_lab.model.layer_map import make_layer_map
from tests.lab import ROOT
from tests.variants import TINY


def costs(scheme: str = "all", ranks: int = 4, micro_batches: int = 1, low: bool = False) -> dict[str, StrategyCost]:
    layer_map = make_layer_map(SharingConfig(scheme), 12)
    weights = list_weights(ModelConfig(), layer_map)
    traffic = Traffic(weights, ranks, micro_batches, low)
    return {name: estimate_strategy(name, traffic) for name in select_strategies(TrainerConfig(devices=ranks))}


# arXiv 1910.02054, figure 1: 7.5 billion parameters on 64 devices, mixed-precision Adam (K = 12)
@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_zero_holds_what_the_papers_figure_1_says(stage: int, gigabytes: float) -> None:
    state = zero_state(7_500_000_000, 64, stage)
    assert sum(state.values()) / 1e9 == pytest.approx(gigabytes, abs=0.05)


# Table 1 of the paper: per-device memory in GB at several sizes and data-parallel degrees
@pytest.mark.parametrize(
    ("billions", "ranks", "by_stage"),
    [
        (7.5, 4, (52.5, 41.3, 30)),
        (7.5, 1024, (30.1, 15.1, 0.12)),
        (128, 16, (608, 368, 128)),
        (1000, 64, (4187, 2218, 250)),
    ],
)
def test_zero_holds_what_the_papers_table_1_says(billions: float, ranks: int, by_stage: tuple[float, ...]) -> None:
    for stage, gigabytes in enumerate(by_stage, 1):
        state = zero_state(int(billions * 1e9), ranks, stage)
        assert sum(state.values()) / 1e9 == pytest.approx(gigabytes, rel=0.025)


@pytest.mark.parametrize("ranks", [2, 3, 64])
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_the_formulas_of_section_3_hold_for_any_sizes(ranks: int, stage: int) -> None:
    psi, k = 12_345_679, 8
    weight = psi if stage < 3 else -(-psi // ranks)
    gradient = psi if stage < 2 else -(-psi // ranks)
    expected = {"weights": 4 * weight, "gradients": 4 * gradient, "optimizer": k * -(-psi // ranks)}
    assert zero_state(psi, ranks, stage, 4, 4, k) == expected


def test_what_is_sent_is_twice_the_weights_and_three_times_at_stage_3() -> None:
    """Section 7: stages 1 and 2 send as much as DDP, stage 3 half as much again."""
    found = costs(ranks=64)
    assert found["zero1"].wire == found["zero2"].wire == pytest.approx(found["ddp"].wire)
    assert found["zero3"].wire == pytest.approx(1.5 * found["ddp"].wire)
    counts = count_parameters(ModelConfig(), make_layer_map(SharingConfig(), 12))
    assert found["ddp"].wire == pytest.approx(2 * 63 / 64 * 4 * counts.unique)


def test_sharing_saves_what_ddp_sends_and_not_what_fsdp_gathers() -> None:
    shared, own = costs("all"), costs("none")
    assert own["ddp"].wire / shared["ddp"].wire > 7
    assert own["fsdp"].wire / shared["fsdp"].wire < 1.6


def test_micro_batches_are_sent_once_by_ddp_and_each_time_by_shards() -> None:
    once, four = costs(micro_batches=1), costs(micro_batches=4)
    assert four["ddp"].wire == once["ddp"].wire
    assert four["fsdp"].wire == 4 * once["fsdp"].wire
    assert once["zero2"].wire < four["zero2"].wire < 4 * once["zero2"].wire


def test_deepspeed_sends_bfloat16_gradients_of_linear_maps_under_autocast() -> None:
    assert costs(low=True)["zero2"].wire < costs()["zero2"].wire
    assert costs(low=True)["ddp"].wire == costs()["ddp"].wire


def test_one_process_sends_nothing_and_may_offload() -> None:
    found = costs(ranks=1)
    assert list(found) == ["single", "zero2_offload"]
    assert {cost.wire for cost in found.values()} == {0}
    assert found["zero2_offload"].optimizer == 0 < found["zero2_offload"].host
    assert [cost.title for cost in found.values()] == ["one process", "zero2 + offload"]


def test_every_strategy_of_training_is_known_by_its_name() -> None:
    from albert_lab.config.check import list_strategies

    assert set(list_strategies()) <= set(STRATEGIES)


def test_two_buckets_of_the_size_that_training_sets_are_counted() -> None:
    from albert_lab.train.distributed.zero2 import BUCKET

    assert BUCKETS == 2 * FLOAT * BUCKET


@pytest.mark.parametrize(("devices", "chosen"), [(1, "single"), (4, "ddp")])
def test_no_strategy_is_one_process_or_ddp(devices: int, chosen: str) -> None:
    trainer = TrainerConfig(devices=devices)
    assert choose_strategy(trainer) == chosen == select_strategies(trainer)[0]


def test_one_process_is_compared_under_the_strategy_that_it_asks_for() -> None:
    trainer = TrainerConfig(strategy="ddp")
    assert choose_strategy(trainer) == "ddp"
    assert select_strategies(trainer) == ["single", "zero2_offload", "ddp"]


def test_a_shard_takes_its_share_of_the_update() -> None:
    layer_map = make_layer_map(SharingConfig("none"), 12)
    memory = predict_step_memory(ModelConfig(), layer_map, Pass(1, 16, 2), OptimizerConfig(name=OptimizerName.lamb))
    assert memory.update > memory.passes
    held = {name: cost.held(memory) for name, cost in costs("none", ranks=8).items()}
    assert held["fsdp"] < held["zero2"] < held["zero1"] < held["ddp"]


def test_a_checkpoint_is_as_large_on_disk(tmp_path) -> None:
    import torch

    from albert_lab.model.configuration import AlbertConfig
    from albert_lab.model.torch.albert import AlbertForPreTraining
    from albert_lab.train.optim.optimizers import make_optimizer

    config = ModelConfig(vocab_size=3000, embedding_size=64, hidden_size=64, num_attention_heads=2, num_hidden_layers=2)
    layer_map = make_layer_map(SharingConfig("ffn"), 2)
    model = AlbertForPreTraining(AlbertConfig.of(config, layer_map))
    optimizer = make_optimizer(model, OptimizerConfig(), partitioned=False)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    predicted = checkpoint_figures(count_parameters(config, layer_map).unique)
    model.save_pretrained(tmp_path)
    torch.save({"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "both.ckpt")
    assert (tmp_path / "model.safetensors").stat().st_size == pytest.approx(predicted.weights, rel=0.02)
    assert (tmp_path / "both.ckpt").stat().st_size == pytest.approx(predicted.with_optimizer, rel=0.02)


FSDP = """
import json, sys
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from albert_lab.config.variant import ModelConfig
from tests.variants import TINY, build

scheme, ranks = sys.argv[1], int(sys.argv[2])
dist.init_process_group("fake", rank=0, world_size=ranks, store=FakeStore())
model = build(ModelConfig(**TINY), scheme)
mesh = init_device_mesh("cpu", (ranks,))
for block in [*model.albert.encoder.attention, *model.albert.encoder.ffn]:
    fully_shard(block, mesh=mesh)
fully_shard(model, mesh=mesh)

class Count(TorchDispatchMode):
    sent = 0
    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        if "_allgather_base_" in str(function) or "_reduce_scatter_base_" in str(function):
            self.sent += 4 * max(arguments[0].numel(), arguments[1].numel()) * (ranks - 1) // ranks
        return function(*arguments, **(options or {}))

ids = torch.zeros(2, 6, dtype=torch.long)
with Count() as count:
    output = model(ids, None, ids, masked_positions=torch.zeros(3, dtype=torch.long))
    sum(logits.sum() for logits in output.values()).backward()
print(json.dumps(count.sent))
"""


@pytest.mark.parametrize("scheme", ["all", "none", "ffn"])
def test_fsdp_sends_what_pytorchs_collectives_are_given(scheme: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FSDP, scheme, "4"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    weights = list_weights(ModelConfig(**TINY), make_layer_map(SharingConfig(scheme), TINY["num_hidden_layers"]))
    predicted = estimate_strategy("fsdp", Traffic(weights, 4)).wire
    assert predicted == pytest.approx(json.loads(done.stdout.splitlines()[-1]), rel=0.02)  # shards are padded
