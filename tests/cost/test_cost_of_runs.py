"""A run's cost is what `cost` says about its settings; what its record does not say stays blank."""

import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from albert_lab.config.schema import DeviceKind, EstimateConfig, HardwareConfig, TrainerConfig
from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.cost import runs
from albert_lab.cost.cluster.hardware import find_hardware_of_host
from albert_lab.cost.estimate import CostEstimate
from albert_lab.cost.figures import collect_figures, ddp_bytes
from albert_lab.cost.runs import RUN_COSTS, cost_of_run, rebuild_config
from albert_lab.runs.machine import describe_cpu, describe_machine

SHARING = SharingConfig("custom", attention=[0, 0, 1, 1], ffn=[0, 1, 1, 0])
DEVICE = HardwareConfig(
    name="device", kind=DeviceKind.gpu, fp32_flops_per_second=1e12, watts=500.0, price_per_hour=3.0
)  # fmt: skip
NUMBERS = {"speed/step_seconds": 0.5, "training/steps": 100, "training/seconds": 7200.0}


def config(**more: Any) -> EstimateConfig:
    return EstimateConfig(model=ModelConfig(num_hidden_layers=4, vocab_size=2000), sharing=SHARING, **more)


def row_of(run: EstimateConfig, **more: Any) -> dict[str, Any]:
    """A run as `report.frames` lists it: names of settings with dots, lists as text, enums by name."""
    groups = ("model", "sharing", "objective", "optimizer", "trainer")
    settings = {f"{group}.{key}": value for group in groups for key, value in asdict(getattr(run, group)).items()}
    plain = {k: str(v) if isinstance(v, list) else getattr(v, "name", v) for k, v in settings.items()}
    counts = CostEstimate(run).parameters
    row = {"train.batch_size": run.train.batch_size, "train.precision": run.train.precision.name, "host": None}
    return {**plain, **row, "parameters/unique": counts.unique, "parameters/applied": counts.applied, **more}


@pytest.fixture
def on_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "find_hardware_of_host", lambda host: DEVICE)


def test_settings_come_back_from_their_text() -> None:
    run = config(trainer=TrainerConfig(micro_batch_size=4, gradient_checkpointing=True))
    assert rebuild_config(row_of(run) | {"trainer.micro_batch_size": 4.0}) == run


@pytest.mark.usefixtures("on_device")
def test_memory_traffic_and_disk_are_those_of_the_estimate() -> None:
    run = config(trainer=TrainerConfig(devices=4))
    estimate = CostEstimate(replace(run, hardware=DEVICE))
    cost, known = cost_of_run(row_of(run)), collect_figures(estimate)
    for kind, size in asdict(known.memory["fp32"]).items():
        assert cost[f"predicted_bytes/{kind}"] == size
    assert sum(cost[key] or 0 for key in runs.MEMORY) == cost["predicted_bytes/peak"]
    assert cost["wire_bytes/ddp"] == known.strategies[0].wire_bytes
    assert cost["checkpoint_bytes/with_optimizer"] == known.checkpoint_bytes.with_optimizer


def test_one_process_is_compared_by_what_ddp_would_send_between_eight() -> None:
    estimate = CostEstimate(config())
    assert ddp_bytes(estimate) == 2 * (4 * estimate.parameters.unique * 7 // 8)


@pytest.mark.usefixtures("on_device")
def test_the_share_of_the_peak_counts_real_tokens_and_every_device() -> None:
    run = config(trainer=TrainerConfig(devices=2))
    estimate = CostEstimate(run)
    full = cost_of_run(row_of(run, **NUMBERS, **{"training/tokens": 100 * estimate.positions}))
    half = cost_of_run(row_of(run, **NUMBERS, **{"training/tokens": 50 * estimate.positions}))
    rate = estimate.flops().training / 0.5
    assert full["speed/flops_per_second"] == rate
    assert full["speed/share_of_peak"] == pytest.approx(rate / 2e12)
    assert half["speed/flops_per_second"] == estimate.flops(0.5).training / 0.5
    assert (full["spent/kilowatt_hours"], full["spent/dollars"]) == (2 * 2 * 0.5, 2 * 2 * 3)


def test_an_unknown_machine_leaves_share_energy_and_money_blank() -> None:
    cost = cost_of_run(row_of(config(), **NUMBERS, host="another CPU, 96 cores", **{"training/tokens": 1000}))
    blank = {"speed/share_of_peak", "spent/kilowatt_hours", "spent/dollars"}
    assert {key for key, value in cost.items() if value is None} == blank


@pytest.mark.parametrize("missing", ["training/tokens", "speed/step_seconds", "training/steps"])
@pytest.mark.parametrize("value", [None, math.nan, 0])
def test_a_run_without_its_speed_has_none(missing: str, value: float | None) -> None:
    row = row_of(config(), **{**NUMBERS, "training/tokens": 1000, missing: value})
    assert cost_of_run(row)["speed/flops_per_second"] is None


def test_a_run_that_is_counted_differently_now_is_blank() -> None:
    assert cost_of_run(row_of(config()) | {"parameters/unique": 1}) == dict.fromkeys(RUN_COSTS)


def test_only_pre_training_has_costs() -> None:
    assert cost_of_run(row_of(config()) | {"task": "pretraining"}) == cost_of_run(row_of(config()))
    assert cost_of_run(row_of(config()) | {"task": "docstring_packages"}) == dict.fromkeys(RUN_COSTS)


def test_settings_of_another_version_are_left_out_and_values_of_one_leave_it_blank() -> None:
    assert cost_of_run(row_of(config()) | {"model.gone": 3})["predicted_bytes/peak"] is not None
    for key, value in (("optimizer.name", "gone"), ("sharing.scheme", "gone"), ("model.hidden_size", "large")):
        assert cost_of_run(row_of(config()) | {key: value}) == dict.fromkeys(RUN_COSTS)


def test_a_host_is_its_gpus_entry_or_this_machine_and_no_other() -> None:
    gpu = find_hardware_of_host(describe_machine({"gpu": "NVIDIA H200", "cpu": "Intel", "cores": 8}))
    assert gpu is not None
    assert gpu.name == "NVIDIA H200 SXM"
    here = find_hardware_of_host(describe_cpu())
    assert here is not None
    assert (here.name or "").startswith("this machine")
    for other in (None, "", "AMD EPYC, 3 cores, 1 GB", "NVIDIA B300"):
        assert find_hardware_of_host(other) is None
