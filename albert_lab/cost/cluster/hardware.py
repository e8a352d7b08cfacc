"""The device that a cost is estimated for: an entry of `conf/hardware`, or this machine as far as it is known."""

import re
from dataclasses import fields, replace

from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.plain import flatten
from albert_lab.config.ranges import check_numbers
from albert_lab.config.schema import DeviceKind, HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.runs import machine


def resolve_hardware(config: HardwareConfig, accelerator: str = "auto") -> HardwareConfig:
    """The entry as configured; without a name or a number, this machine.

    Args:
        accelerator: `trainer.accelerator`; cpu leaves this machine's GPU out.

    Raises:
        UserError: a number that no device can have.
    """
    check_numbers(flatten(config, "hardware."))
    given = {item.name: getattr(config, item.name) for item in fields(config) if item.name not in ("name", "kind")}
    if config.name is not None or any(value is not None for value in given.values()):
        return config if config.name is not None else replace(config, name="as given")
    return find_hardware(accelerator)


def find_hardware(accelerator: str = "auto") -> HardwareConfig:
    """The entry whose `matches` fits this machine's GPU, else its CPU; else a name, and a CPU's memory."""
    gpu = None if accelerator == "cpu" else machine.gpu_name()
    name, kind = (gpu, DeviceKind.gpu) if gpu else (machine.cpu_model(), DeviceKind.cpu)
    known = next((entry for entry in load_entries() if entry.matches and re.search(entry.matches, name)), None)
    found = known or HardwareConfig(name=name, kind=kind)
    memory = machine.memory_bytes() if kind is DeviceKind.cpu else None
    return replace(found, name=f"this machine: {found.name}", memory_bytes=memory or found.memory_bytes)


def find_hardware_of_host(host: str | None) -> HardwareConfig | None:
    """The entry of the machine that `runs.machine.describe_machine` describes; of CPUs this machine's alone, else None.

    A CPU's product name does not say how fast its cores are; a hypervisor may even hide it.
    """
    if not host:
        return None
    if host == machine.describe_cpu():
        return find_hardware("cpu")
    return next((entry for entry in load_entries() if entry.matches and re.search(entry.matches, host)), None)


def load_entries() -> list[HardwareConfig]:
    """Every entry of `conf/hardware`."""
    from omegaconf import OmegaConf

    schema = OmegaConf.structured(HardwareConfig)
    files = sorted((CONF_FOLDER / "hardware").glob("*.yaml"))
    found = [OmegaConf.to_object(OmegaConf.merge(schema, OmegaConf.load(file))) for file in files]
    return [entry for entry in found if isinstance(entry, HardwareConfig)]


def peak_flops(hardware: HardwareConfig, precision: Precision) -> float | None:
    """Of one device; of all of a machine's cores for a CPU."""
    return hardware.bf16_flops_per_second if precision is Precision.bf16 else hardware.fp32_flops_per_second


def count_paid_devices(hardware: HardwareConfig, devices: int) -> int:
    """How many times the hardware's numbers count: processes on a CPU share one machine."""
    return devices if hardware.kind is DeviceKind.gpu else 1


def memory_per_process(hardware: HardwareConfig, devices: int) -> float | None:
    """A GPU's whole memory; a CPU's processes share the machine's."""
    if hardware.memory_bytes is None or hardware.kind is DeviceKind.gpu:
        return hardware.memory_bytes
    return hardware.memory_bytes / devices
