"""The device that a cost is told for: an entry of `conf/hardware`, or this machine as far as it is known (no torch)."""

import math
import os
import re
from dataclasses import fields, replace
from pathlib import Path

from albert_lab.config.compose import CONF_FOLDER
from albert_lab.config.schema import DeviceKind, HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.errors import UserError
from albert_lab.runs.machine import describe_host


def resolve_hardware(config: HardwareConfig, accelerator: str = "auto") -> HardwareConfig:
    """The entry as configured; without a name or a number, this machine.

    Args:
        accelerator: `trainer.accelerator`; cpu leaves this machine's GPU out.

    Raises:
        UserError: a number that no device can have.
    """
    for item in fields(config):
        value = getattr(config, item.name)
        if isinstance(value, float):
            _check_number(item.name, value)
    given = {item.name: getattr(config, item.name) for item in fields(config) if item.name not in ("name", "kind")}
    if config.name is not None or any(value is not None for value in given.values()):
        return config if config.name is not None else replace(config, name="as given")
    return this_machine(accelerator)


def _check_number(key: str, value: float) -> None:
    """Prices, watts and a floor may be 0; a device without memory or speed is none."""
    can_be_zero = key in ("floor_bytes", "watts", "price_per_hour")
    if math.isfinite(value) and (value > 0 or (value == 0 and can_be_zero)):
        return
    raise UserError(
        f"hardware.{key}={value:g} must be {'at least' if can_be_zero else 'above'} 0; null where it is not known"
    )


def this_machine(accelerator: str = "auto") -> HardwareConfig:
    """The entry whose `matches` fits this machine's GPU, else its CPU; else a name, and a CPU's memory."""
    gpu = None if accelerator == "cpu" else gpu_name()
    name, kind = (gpu, DeviceKind.gpu) if gpu else (cpu_name(), DeviceKind.cpu)
    known = next((entry for entry in entries() if entry.matches and re.search(entry.matches, name)), None)
    found = known or HardwareConfig(name=name, kind=kind)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if kind is DeviceKind.cpu else None
    return replace(found, name=f"this machine: {found.name}", memory_bytes=memory or found.memory_bytes)


def hardware_of_host(host: str | None) -> HardwareConfig | None:
    """The entry of the machine that `runs.machine.describe_host` names; of CPUs this machine's alone, else None.

    A CPU's product name does not tell how fast its cores are; a hypervisor may even hide it.
    """
    if not host:
        return None
    if host == this_host():
        return this_machine("cpu")
    return next((entry for entry in entries() if entry.matches and re.search(entry.matches, host)), None)


def this_host(file: Path = Path("/proc/cpuinfo")) -> str:
    """This machine without its GPU, as its runs' records describe it."""
    found = re.search(r"^model name\s*:\s*(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0))
    return describe_host({"cpu": found[1].strip() if found else "CPU", "cores": cores, "memory_bytes": memory})


def entries() -> list[HardwareConfig]:
    """Every entry of `conf/hardware`."""
    from omegaconf import OmegaConf

    schema = OmegaConf.structured(HardwareConfig)
    files = sorted((CONF_FOLDER / "hardware").glob("*.yaml"))
    found = [OmegaConf.to_object(OmegaConf.merge(schema, OmegaConf.load(file))) for file in files]
    return [entry for entry in found if isinstance(entry, HardwareConfig)]


def gpu_name(folder: Path = Path("/proc/driver/nvidia/gpus")) -> str | None:
    """What the driver calls this machine's first NVIDIA GPU."""
    for file in sorted(folder.glob("*/information")):
        found = re.search(r"^Model:\s*(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    return None


def cpu_name(file: Path = Path("/proc/cpuinfo")) -> str:
    """`AMD EPYC family 25 model 17, 2 cores`: some hypervisors hide the product's name, the family tells it then."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    values = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.+)$", text, re.MULTILINE))
    cores = len(os.sched_getaffinity(0))
    product = f"{values.get('model name', 'CPU')} family {values.get('cpu family')} model {values.get('model')}"
    return f"{product}, {cores} cores" if values else f"CPU, {cores} cores"


def peak_flops(hardware: HardwareConfig, precision: Precision) -> float | None:
    """Of one device; of all of a machine's cores for a CPU."""
    return hardware.bf16_flops_per_second if precision is Precision.bf16 else hardware.fp32_flops_per_second


def memory_per_process(hardware: HardwareConfig, devices: int) -> float | None:
    """A GPU's whole memory; a CPU's processes share the machine's."""
    if hardware.memory_bytes is None or hardware.kind is DeviceKind.gpu:
        return hardware.memory_bytes
    return hardware.memory_bytes / devices
