"""The GPU benchmark at a tiny size on a CPU: every case runs with few libraries, and one that fails leaves the rest."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.gpu.__main__ import run_cases, supervise
from benchmarks.gpu.cases import CASES
from benchmarks.gpu.machine import Machine, halving
from benchmarks.gpu.models import config_of, flops_of, made_up_batch
from benchmarks.gpu.table import table
from tests.lab import HANG_SECONDS, ROOT

# On a machine that has torch, transformers and lightning, with what those need. (matplotlib is not there either, but
# lightning's metrics look for its installed package and not for whether it can be imported.)
NOT_THERE = (
    "hydra", "omegaconf", "sentencepiece", "mlflow", "optuna", "deepspeed", "datasets", "pandas", "pyarrow",
    "zstandard", "psutil",
)  # fmt: skip
WITHOUT = f"import sys, runpy; sys.modules.update(dict.fromkeys({NOT_THERE})); sys.argv[0] = 'gpu'; "
STEP = {"seconds", "first_seconds", "tokens_per_second", "flops_per_second", "mfu", "share_of_product", "peak_bytes"}
CPU = Machine(torch.device("cpu"), full=False)


# A compiler's half a minute is spent once, in tests/model/test_compiled_layers.py.
NOT_COMPILED = [name for name in CASES if not name.startswith("compile")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every case, in a process to which the lab's other libraries are missing."""
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    arguments = ["--device", "cpu", "--scale", "tiny", "--out", str(out), "--until", str(time.time() + HANG_SECONDS)]
    code = WITHOUT + "runpy.run_module('benchmarks.gpu', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--case", *NOT_COMPILED], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def test_every_case_has_its_figures(found: dict[str, Any]) -> None:
    cases = found["cases"]
    assert not {name: case["error"] for name, case in cases.items() if "error" in case}
    assert set(cases) == set(NOT_COMPILED)
    steps = [case for case in cases.values() if "seconds" in case]
    steps += [step for case in cases.values() for step in case.values() if isinstance(step, dict) and "fill" in step]
    assert len(steps) >= 15
    for step in steps:
        assert set(step) >= STEP
        assert step["flops_per_second"] > 0
        assert 0 < step["fill"] <= 1
        assert math.isfinite(step["first_loss"])
        assert step["mfu"] is None, "the peak of an unknown device is blank"
        assert step["share_of_product"] == pytest.approx(
            step["flops_per_second"] / cases["peak"]["bf16_flops_per_second"]
        )
    assert found["machine"]["torch"] == torch.__version__


def test_compiled_steps_are_raced_with_eager_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    case = CASES["compile base, 8"](CPU)
    assert all(set(case[name]) >= STEP for name in ("eager", "compiled"))
    assert case["losses_agree"]


def test_losses_and_gradients_agree(found: dict[str, Any]) -> None:
    assert found["cases"]["agreement"]["agrees"], found["cases"]["agreement"]
    compared = [case for case in found["cases"].values() if "losses_agree" in case]
    assert len(compared) >= 4
    assert all(case["losses_agree"] for case in compared), compared


def test_the_table_has_every_case(found: dict[str, Any]) -> None:
    text = table(found)
    assert all(any(line.startswith(name) for line in text.splitlines()) for name in found["cases"])


def test_the_command_writes_the_file_and_prints_the_table(tmp_path: Path) -> None:
    arguments = ["--device", "cpu", "--scale", "tiny", "--case", "peak", "--out", str(tmp_path / "gpu.json")]
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "gpu.json").read_text())["cases"]["peak"]["bf16_flops_per_second"] > 0
    assert "peak: bf16_flops_per_second" in done.stdout


def test_a_case_that_fails_leaves_the_rest(tmp_path: Path) -> None:
    def fails(machine: Machine) -> dict[str, Any]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate everything")

    out = tmp_path / "gpu.json"
    cases = {"first": fails, "second": lambda machine: {"figure": 1}}
    assert run_cases(CPU, cases, out, time.time() + HANG_SECONDS)
    found = json.loads(out.read_text())["cases"]
    assert found["first"]["error"] == "OutOfMemoryError: CUDA out of memory. Tried to allocate everything"
    assert found["second"]["figure"] == 1


def test_no_case_begins_when_the_time_is_up(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    assert run_cases(CPU, {"late": lambda machine: {"figure": 1}}, out, time.time() + 5)
    assert json.loads(out.read_text())["cases"] == {"late": {"error": "no time was left"}}


def test_a_process_that_dies_or_loses_its_device_costs_its_case_alone(tmp_path: Path) -> None:
    """As a GPU's illegal access does either; the next process goes on with the case behind."""
    out = tmp_path / "gpu.json"
    worker = f"""
import os, sys, time
from pathlib import Path
from benchmarks.gpu.__main__ import LOST, run_cases
from tests.benchmarks.test_gpu import Breaking, breaks, dies, works
cases = {{"first": works, "dies": dies, "breaks": breaks, "last": works}}
machine = Breaking()
if not run_cases(machine, cases, Path({str(out)!r}), time.time() + {HANG_SECONDS}):
    os._exit(LOST)
"""
    found = supervise([sys.executable, "-c", worker], out, time.time() + HANG_SECONDS)
    assert found["cases"]["dies"] == {"error": "the process ended with code 139"}
    assert found["cases"]["breaks"]["error"] == "RuntimeError: an illegal memory access was encountered"
    assert [found["cases"][name]["figure"] for name in ("first", "last")] == [1, 1]
    assert json.loads(out.read_text()) == found


class Breaking(Machine):
    """A device that answers no more after `breaks`, until another process takes it."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), full=False)
        self.broken = False

    def wait(self) -> None:
        if self.broken:
            raise RuntimeError("an illegal memory access was encountered")


def breaks(machine: Breaking) -> dict[str, Any]:
    machine.broken = True
    machine.wait()
    return {}


def dies(machine: Machine) -> dict[str, Any]:
    os._exit(139)


def works(machine: Machine) -> dict[str, Any]:
    return {"figure": 1}


def test_a_micro_batch_that_does_not_fit_is_halved() -> None:
    def attempt(size: int) -> dict[str, Any]:
        if size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"figure": size}

    assert halving(16, attempt, CPU) == {"micro_batch": 2, "figure": 2}
    with pytest.raises(torch.OutOfMemoryError):
        halving(1, lambda size: attempt(4), CPU)


def test_flops_are_of_real_tokens() -> None:
    from albert_lab.cost.counts.flops import count_flops

    config = config_of(CPU, "base")
    full, ragged = (made_up_batch(CPU, config, 4, ragged) for ragged in (False, True))
    counted = count_flops(config, config.layer_map, 4, 64, len(full["masked_labels"]), True).training
    assert flops_of(config, full) == counted
    assert flops_of(config, ragged) < 0.8 * counted
    assert bool(ragged["attention_mask"].flatten()[ragged["masked_positions"]].all())
