"""Entries are sound, this machine is found by what it calls itself, and what is unknown stays unknown."""

import re
from typing import Any

import pytest

from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.schema import DeviceKind, HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.cost.cluster.hardware import load_entries, memory_per_process, peak_flops, resolve_hardware
from albert_lab.errors import UserError
from albert_lab.runs import machine

FILES = sorted((CONF_FOLDER / "hardware").glob("*.yaml"))


def test_there_is_an_entry_per_file_with_numbers_and_their_source() -> None:
    assert len(load_entries()) == len(FILES) >= 5
    for entry, file in zip(load_entries(), FILES, strict=True):
        assert entry.name
        assert entry.bf16_flops_per_second is not None
        assert entry.fp32_flops_per_second is not None
        assert entry.bf16_flops_per_second > entry.fp32_flops_per_second > 0
        assert re.search(r"datasheet|measured", file.read_text(encoding="utf-8")), f"{file.name} names no source"


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("NVIDIA H200", "NVIDIA H200 SXM"),
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM"),
        ("NVIDIA A100-SXM4-80GB", "NVIDIA A100 SXM 80GB"),
        ("NVIDIA L4", "NVIDIA L4"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA A100-SXM4-40GB", None),
        ("NVIDIA L40S", None),
        ("NVIDIA B300", None),
    ],
)
def test_a_machine_with_a_gpu_is_its_entry_and_an_unknown_one_blank(
    called: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "gpu_name", lambda: called)
    found = resolve_hardware(HardwareConfig())
    assert found.name == f"this machine: {name or called}"
    assert found.kind is DeviceKind.gpu
    known = (found.memory_bytes, found.bf16_flops_per_second, found.watts)
    assert all(figure is not None for figure in known) if name else known == (None, None, None)


def test_a_cpu_is_known_by_its_family_and_shares_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "gpu_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(machine, "cpu_model", lambda: "Other CPU family 6 model 1, 3 cores")
    monkeypatch.setattr(machine, "memory_bytes", lambda: 2_000_000_000)
    found = resolve_hardware(HardwareConfig(), accelerator="cpu")
    assert (found.name, found.kind) == ("this machine: Other CPU family 6 model 1, 3 cores", DeviceKind.cpu)
    assert peak_flops(found, Precision.fp32) is None
    assert memory_per_process(found, 4) == 500_000_000


def test_given_numbers_stand_for_themselves() -> None:
    given = HardwareConfig(memory_bytes=24e9, bf16_flops_per_second=1e14)
    found = resolve_hardware(given)
    assert found.name == "as given"
    assert (memory_per_process(found, 8), peak_flops(found, Precision.bf16)) == (24e9, 1e14)
    assert peak_flops(found, Precision.fp32) is None


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(UserError, match=r"hardware.watts=-5 must be at least 0"):
        resolve_hardware(HardwareConfig(name="mine", watts=-5.0))


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf"), -1.0])
def test_a_device_without_memory_or_speed_is_refused(value: float) -> None:
    for key in ("memory_bytes", "fp32_flops_per_second", "link_bytes_per_second"):
        numbers: dict[str, Any] = {key: value}
        with pytest.raises(UserError, match=rf"hardware.{key}=\S+ must be above 0"):
            resolve_hardware(HardwareConfig(name="mine", **numbers))


def test_a_free_device_is_not_an_unknown_one() -> None:
    assert resolve_hardware(HardwareConfig(name="mine", price_per_hour=0.0, watts=0.0)).price_per_hour == 0
