"""Time, energy and money follow from FLOPs and hardware; past runs of this machine replace what is assumed."""

import json
from pathlib import Path
from typing import Any

import pytest

from albert_lab.cli.cost_text import format_comparison, format_page
from albert_lab.config.schema import (
    CostConfig,
    DeviceKind,
    EstimateConfig,
    HardwareConfig,
    PathsConfig,
    TrainerConfig,
)
from albert_lab.config.training import BudgetConfig, Precision, TrainConfig
from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.cost import history
from albert_lab.cost.budget import estimate_budget
from albert_lab.cost.cluster.strategies import STRATEGIES
from albert_lab.cost.estimate import CostEstimate
from albert_lab.cost.figures import CostFigures, collect_figures
from albert_lab.cost.fit import find_largest_micro_batch
from albert_lab.report.formatting import BLANK
from albert_lab.runs import machine

DEVICE = {"memory_bytes": 80e9, "bf16_flops_per_second": 1e15, "fp32_flops_per_second": 1e14, "watts": 500.0}


def config(tmp_path: Path, **more: Any) -> EstimateConfig:
    train = TrainConfig(batch_size=256, precision=Precision.bf16, budget=BudgetConfig(steps=1000))
    defaults = {
        "train": train,
        "trainer": TrainerConfig(devices=4),
        "hardware": HardwareConfig(name="device", price_per_hour=2.0, **DEVICE),
        "cost": CostConfig(mfu=0.5),
        "paths": PathsConfig(runs=str(tmp_path)),
    }
    return EstimateConfig(**(defaults | more))


def figures_of(config: EstimateConfig) -> CostFigures:
    return collect_figures(CostEstimate(config))


def test_time_energy_and_money_follow_from_the_flops(tmp_path: Path) -> None:
    estimate = CostEstimate(config(tmp_path))
    budget = estimate_budget(estimate)
    seconds = 1000 * estimate.flops().training / (4 * 1e15 * 0.5)
    assert budget.hours == pytest.approx(seconds / 3600)
    assert budget.kilowatt_hours == pytest.approx(seconds / 3600 * 4 * 0.5)
    assert budget.dollars == pytest.approx(seconds / 3600 * 4 * 2)
    assert budget.tokens_per_second == pytest.approx(1000 * 256 * 512 / seconds)


def test_a_budget_of_tokens_or_seconds_is_one_of_steps(tmp_path: Path) -> None:
    in_steps = estimate_budget(CostEstimate(config(tmp_path)))
    train = {"batch_size": 256, "precision": Precision.bf16}
    tokens = config(tmp_path, train=TrainConfig(budget=BudgetConfig(tokens=1000 * 256 * 512), **train))  # type: ignore[arg-type]
    assert estimate_budget(CostEstimate(tokens)) == in_steps
    assert in_steps.hours is not None
    seconds = config(tmp_path, train=TrainConfig(budget=BudgetConfig(seconds=3600 * in_steps.hours), **train))  # type: ignore[arg-type]
    assert estimate_budget(CostEstimate(seconds)).steps in (999, 1000)


def test_unknown_hardware_leaves_blanks_and_no_guess(tmp_path: Path) -> None:
    figures = figures_of(config(tmp_path, hardware=HardwareConfig(name="unknown")))
    assert figures.fits is None
    assert {getattr(figures.budget, key) for key in ("hours", "kilowatt_hours", "dollars", "step_seconds")} == {None}
    assert figures.strategies[0].largest_micro_batch == {"fp32": None, "bf16": None}
    assert figures.budget.steps == 1000
    assert figures.parameters.unique == 11_813_810


def test_what_does_not_fit_says_by_how_much_and_what_does(tmp_path: Path) -> None:
    small = HardwareConfig(name="small", memory_bytes=2e9)
    estimate = CostEstimate(config(tmp_path, hardware=small))
    figures = collect_figures(estimate)
    row = figures.strategies[0]
    assert figures.fits is False
    assert row.over_bytes == row.total - 2e9 > 0
    micro = row.largest_micro_batch["bf16"]
    assert figures.nearest_fit == f"trainer.micro_batch_size={micro} with ddp"
    fits = config(tmp_path, hardware=small, trainer=TrainerConfig(devices=4, micro_batch_size=micro))
    assert figures_of(fits).fits is True
    more = config(tmp_path, hardware=small, trainer=TrainerConfig(devices=4, micro_batch_size=2 * micro))
    assert figures_of(more).fits is False


def test_the_chosen_strategy_is_kept_where_a_smaller_micro_batch_is_enough(tmp_path: Path) -> None:
    small, chosen = HardwareConfig(name="small", memory_bytes=2e9), TrainerConfig(devices=4, strategy="zero2")
    figures = figures_of(config(tmp_path, hardware=small, trainer=chosen))
    assert figures.fits is False
    assert (figures.nearest_fit or "").endswith("with zero2")


def test_a_strategy_that_cost_does_not_know_has_no_row_and_blanks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(STRATEGIES, "zero2")
    hardware = HardwareConfig(name="device", memory_bytes_per_second=1e12, link_bytes_per_second=1e11, **DEVICE)
    trainer = TrainerConfig(devices=4, strategy="zero2")
    figures = figures_of(config(tmp_path, hardware=hardware, trainer=trainer))
    assert (figures.strategy, figures.chosen, figures.fits, figures.nearest_fit) == ("zero2", None, None, None)
    assert figures.budget.wire_seconds is figures.budget.update_seconds is None
    assert figures.budget.hours is not None
    assert "what strategy zero2 takes is not known" in format_page(figures)
    assert BLANK in format_comparison([figures], [[]])


def test_recomputing_is_proposed_where_nothing_else_fits(tmp_path: Path) -> None:
    train = TrainConfig(batch_size=1, budget=BudgetConfig(steps=1))
    plain, again = (
        CostEstimate(config(tmp_path, trainer=TrainerConfig(gradient_checkpointing=recompute), train=train))
        .memory()
        .peak
        for recompute in (False, True)
    )
    between = HardwareConfig(name="tight", memory_bytes=(plain + again) / 2)
    estimate = CostEstimate(config(tmp_path, hardware=between, trainer=TrainerConfig(), train=train))
    assert find_largest_micro_batch(estimate, "single", Precision.fp32, recompute=False) == 0
    assert collect_figures(estimate).nearest_fit == (
        "trainer.micro_batch_size=1 trainer.gradient_checkpointing=true with one process"
    )


def test_it_says_when_nothing_fits(tmp_path: Path) -> None:
    figures = figures_of(config(tmp_path, hardware=HardwareConfig(name="tiny", memory_bytes=1e6)))
    assert (figures.fits, figures.nearest_fit) == (False, None)


def test_a_cpus_allocator_is_counted_and_a_gpus_is_not(tmp_path: Path) -> None:
    rows = {}
    for kind in DeviceKind:
        device = HardwareConfig(name="device", kind=kind, memory_bytes=1e12)
        rows[kind] = figures_of(config(tmp_path, hardware=device, trainer=TrainerConfig())).strategies[0]
    gpu, cpu = rows[DeviceKind.gpu], rows[DeviceKind.cpu]
    assert gpu.allocator == 0
    assert cpu.allocator == int(0.31 * (cpu.total - cpu.allocator))


def test_padding_saves_the_flops_of_what_is_left_out(tmp_path: Path) -> None:
    full, half = (CostEstimate(config(tmp_path, cost=CostConfig(mfu=0.5, real_tokens=share))) for share in (1.0, 0.5))
    assert half.step_flops() < full.step_flops() / 2
    assert half.step_flops() == half.flops(0.5).training
    assert half.flops().training == full.step_flops()
    both = estimate_budget(half), estimate_budget(full)
    hours = [budget.hours or 0 for budget in both]
    assert 0 < hours[0] < hours[1] / 2


def test_custom_integers_are_counted(tmp_path: Path) -> None:
    model = ModelConfig(num_hidden_layers=4)
    sharing = SharingConfig("custom", attention=[0, 0, 1, 1], ffn=[0, 1, 1, 0], ffn_norm=[0, 1, 2, 3])
    figures = figures_of(config(tmp_path, model=model, sharing=sharing))
    assert figures.parameters.unique_by_part["attention"] * 2 == figures.parameters.applied_by_part["attention"]
    assert "[0] [1] [1] [0]" in figures.drawing


def finished_run(folder: Path, seconds: float, trainer: dict[str, Any] | None = None, **more: Any) -> None:
    """A record of a run of the default configuration on this machine, with steps of so many seconds."""
    record = {
        "name": folder.name,
        "fingerprint": folder.name,
        "started": "2026-01-02T03:04:05+00:00",
        "task": "pretraining",
        "metrics": [],
        "validation": {},
        "host": {"cpu": machine.cpu_name(), "cores": machine.usable_cores(), "gpu": None},
        "config": {
            "train": {"precision": "fp32", "batch_size": 32},
            "trainer": {"devices": 1, "threads": None} | (trainer or {}),
            "objective": {"max_seq_length": 512, "short_seq_prob": 0.1},
            "data": {"corpus": "docstrings", "files": []},
        },
        "flops_per_token": {"training": 5.7e8},
        "speed": {"step_seconds": seconds},
        "memory_bytes": {"floor": 500_000_000},
        "training": {"steps": 100, "tokens": 100 * 32 * 512 * 0.75},
    }
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(record | more))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EstimateConfig:
    """A configuration for this machine, taken to have no GPU."""
    monkeypatch.setattr(machine, "gpu_name", lambda: None)
    train = TrainConfig(budget=BudgetConfig(steps=10))
    return config(
        tmp_path, train=train, trainer=TrainerConfig(), hardware=HardwareConfig(), cost=CostConfig()
    )  # fmt: skip


def test_past_runs_of_this_machine_calibrate_speed_padding_and_floor(here: EstimateConfig, tmp_path: Path) -> None:
    for number, seconds in enumerate((9.0, 10.0, 14.0)):
        finished_run(tmp_path / "pretrain" / f"run{number}", seconds)
    estimate = CostEstimate(here)
    rate, runs = 32 * 512 * 5.7e8 / 10.0, ("run0", "run1", "run2")
    slowest, fastest = rate * 10 / 14 / history.MARGIN, rate * 10 / 9 * history.MARGIN
    assert estimate.history == history.History(rate, slowest, fastest, runs, 0.75, 3, 500_000_000)
    assert estimate_budget(estimate).step_seconds == pytest.approx(10.0, rel=0.01)
    figures = collect_figures(estimate)
    assert figures.assumed.speed == "from 3 finished runs of this machine: run0, run1, run2"
    assert figures.budget_range is not None
    fast, slow = (budget.step_seconds for budget in figures.budget_range)
    assert (fast, slow) == pytest.approx((9 / history.MARGIN, 14 * history.MARGIN), rel=0.01)
    assert figures.assumed.padding == "measured in 3 finished runs on the same text"
    assert figures.strategies[0].floor == 500_000_000


@pytest.mark.parametrize(
    "more",
    [
        {"host": {"cpu": "another", "cores": 64, "gpu": None}},
        {"flops_per_token": {"training": 1.4e8}},
        {"speed": {"step_seconds": None}},
        {"speed": {"step_seconds": 10.0, "timed_steps": 35}},
        {"speed": {"step_seconds": 0.01, "timed_steps": 100}},
        {"trainer": {"compile": True}},
        {"trainer": {"gradient_checkpointing": True}},
        {"task": "docstring_packages"},
    ],
    ids=[
        "another machine",
        "four times smaller",
        "not timed",
        "too few steps",
        "too few seconds",
        "compiled",
        "recomputed",
        "fine-tuned",
    ],
)
def test_other_runs_do_not(here: EstimateConfig, tmp_path: Path, more: dict[str, Any]) -> None:
    finished_run(tmp_path / "pretrain" / "run", 10.0, **more)
    assert CostEstimate(here).history.flops_per_second is None


def test_a_single_run_gives_a_wider_range_and_a_busy_machine_a_faster_end(here: EstimateConfig, tmp_path: Path) -> None:
    finished_run(tmp_path / "pretrain" / "run", 10.0, speed={"step_seconds": 10.0, "others_mean": 0.5})
    past = CostEstimate(here).history
    assert past.flops_per_second is not None
    assert past.slowest == pytest.approx(past.flops_per_second / history.MARGIN_OF_ONE)
    assert past.fastest == pytest.approx(past.flops_per_second * history.MARGIN_OF_ONE * 2)


def test_what_is_given_wins_over_past_runs(here: EstimateConfig, tmp_path: Path) -> None:
    finished_run(tmp_path / "pretrain" / "run", 10.0)
    here.cost.real_tokens = 0.9
    assert CostEstimate(here).real_tokens == 0.9


def test_a_file_that_is_not_a_record_is_skipped(here: EstimateConfig, tmp_path: Path) -> None:
    (tmp_path / "pretrain" / "run").mkdir(parents=True)
    (tmp_path / "pretrain" / "run" / "result.json").write_text("{ no json")
    assert CostEstimate(here).history == history.History()


def test_the_update_moves_seven_tensors_through_memory_and_shards_share_it(tmp_path: Path) -> None:
    """Adam reads and writes a weight and its two moments, and reads its gradient, four bytes each."""
    hardware = HardwareConfig(name="device", memory_bytes_per_second=1e12, **DEVICE)
    one = figures_of(config(tmp_path, trainer=TrainerConfig(), hardware=hardware))
    assert one.budget.update_seconds == pytest.approx(7 * 4 * one.parameters.unique / 1e12)
    eight = TrainerConfig(devices=8, strategy="ddp")
    moved = {each.name: each.update_bytes for each in figures_of(config(tmp_path, trainer=eight)).strategies}
    assert moved["ddp"] == one.strategies[0].update_bytes == pytest.approx(8 * moved["zero1"], abs=8)
