"""A machine's facts are read where the system gives them and blank elsewhere."""

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from albert_lab.errors import UserError
from albert_lab.runs import machine

pytestmark = pytest.mark.skipif("FAKE_MACHINE" in os.environ, reason="the functions under test are faked")

XEON = "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"


@pytest.fixture
def without_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for file in ("CPU_FILE", "STATUS_FILE", "NVIDIA_FOLDER"):
        monkeypatch.setattr(machine, file, tmp_path / "missing")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)


def test_the_cpus_name_and_family_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text(f"cpu family\t: 6\nmodel\t\t: 143\nmodel name\t: {XEON}\nflags\t: fpu\n" * 2)
    monkeypatch.setattr(machine, "CPU_FILE", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "usable_cores", lambda: 1)
    assert machine.cpu_name() == XEON
    assert machine.cpu_model() == f"{XEON} family 6 model 143, 1 core"


def test_the_drivers_name_of_a_gpu_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0000:18:00.0").mkdir()
    (tmp_path / "0000:18:00.0" / "information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 42\n")
    monkeypatch.setattr(machine, "NVIDIA_FOLDER", tmp_path)
    assert machine.gpu_name() == "NVIDIA H200"


@pytest.mark.usefixtures("without_linux")
def test_other_systems_give_what_they_know_and_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in ("processor", "machine"):
        monkeypatch.setattr(machine.platform, function, lambda: "")
    assert machine.cpu_name() is machine.gpu_name() is None
    assert machine.usable_cores() == os.cpu_count()
    assert machine.cpu_model().startswith("CPU, ")
    assert machine.peak_resident_bytes() > 0, "as getrusage reports it"


@pytest.mark.usefixtures("without_linux")
def test_a_system_without_a_core_count_has_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.usable_cores() == 1


def test_the_peak_is_at_least_what_is_held_now() -> None:
    held, peak = machine.resident_bytes(), machine.peak_resident_bytes()
    assert peak >= held > 2**20


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({}, "an unknown processor"),
        ({"cpu": None, "cores": None, "memory_bytes": None}, "an unknown processor"),
        ({"cpu": "AMD EPYC", "cores": 1}, "AMD EPYC, 1 core"),
        ({"cpu": XEON, "cores": 128, "memory_bytes": 2_147_483_648}, f"{XEON}, 128 cores, 2.15 GB"),
        ({"cpu": XEON, "cores": 128, "gpu": "NVIDIA H200"}, "NVIDIA H200"),
    ],
)
def test_a_machine_is_described_by_what_is_known_of_it(host: dict[str, object], words: str) -> None:
    assert machine.describe_machine(host) == words


def test_a_cpu_is_described_as_its_runs_records_describe_it() -> None:
    assert machine.describe_cpu() == machine.describe_machine(asdict(replace(machine.find_machine(), gpu=None)))


def test_a_library_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LIBRARIES", ("numpy", "not-installed"))
    found = machine.library_versions()
    assert list(found) == ["albert_lab", "python", "numpy", "not-installed"]
    assert found["numpy"] is not None
    assert found["not-installed"] is None


def test_facts_need_no_torch() -> None:
    code = "import sys; from albert_lab.runs import machine; machine.describe_cpu(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_larger_than_the_memory_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 4_000_000_000)
    machine.check_weights_fit(10**9)
    with pytest.raises(UserError, match=r"1,000,000,001 parameters take 4.0 GB and this machine has 4.0 GB"):
        machine.check_weights_fit(10**9 + 1)
    monkeypatch.setattr(machine, "memory_bytes", lambda: None)
    machine.check_weights_fit(10**15)
