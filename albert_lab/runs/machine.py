"""Facts about the machine that this process runs on, and the memory that the process takes (imports no torch).

A fact that the operating system does not give is None. Works on Linux, macOS and Windows.
"""

import os
import platform
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from albert_lab import __version__
from albert_lab.errors import UserError

CPU_FILE = Path("/proc/cpuinfo")
STATUS_FILE = Path("/proc/self/status")
NVIDIA_FOLDER = Path("/proc/driver/nvidia/gpus")
LIBRARIES = ("torch", "lightning", "hydra-core", "deepspeed", "sentencepiece", "mlflow", "numpy")


@dataclass(frozen=True)
class Machine:
    """What a run's record keeps as its `host`."""

    hostname: str | None = None
    cpu: str | None = None  # product name
    cores: int | None = None  # that this process may use
    threads: int | None = None  # of PyTorch in this process
    memory_bytes: int | None = None
    gpu: str | None = None


def find_machine() -> Machine:
    """The machine as PyTorch sees it from this process; imports torch."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Machine(socket.gethostname(), cpu_name(), usable_cores(), torch.get_num_threads(), memory_bytes(), gpu)


def describe_machine(host: Mapping[str, Any]) -> str:
    """`NVIDIA H200`, or a CPU with what tells it from others of its name: `AMD EPYC, 2 cores, 25.3 GB`.

    Args:
        host: the fields of a `Machine`, as a record has them; older records lack some.
    """
    if host.get("gpu"):
        return str(host["gpu"])
    cores, memory = host.get("cores"), host.get("memory_bytes")
    parts = [host.get("cpu") or "an unknown processor", f"{cores} core{'s' * (cores != 1)}" if cores else ""]
    parts.append(f"{float(f'{memory:.2e}') / 1e9:.3g} GB" if memory else "")
    return ", ".join(part for part in parts if part)


def describe_cpu() -> str:
    """This machine without its GPU, in the same words."""
    return describe_machine({"cpu": cpu_name(), "cores": usable_cores(), "memory_bytes": memory_bytes()})


def cpu_name() -> str | None:
    """The processor's product name, as far as the system tells it: `AMD EPYC`, `Intel(R) Xeon(R) CPU @ 2.60GHz`."""
    return _cpu_facts().get("model name") or platform.processor() or platform.machine() or None


def cpu_model() -> str:
    """`AMD EPYC family 25 model 17, 2 cores`: the family tells the product where a hypervisor hides its name."""
    facts, cores = _cpu_facts(), usable_cores()
    family = f" family {facts['cpu family']} model {facts.get('model')}" if "cpu family" in facts else ""
    return f"{cpu_name() or 'CPU'}{family}, {cores} core{'s' * (cores != 1)}"


def _cpu_facts() -> dict[str, str]:
    """The lines about a processor in Linux's /proc/cpuinfo; empty on other systems."""
    lines = re.findall(r"^(model name|cpu family|model)\s*:(.*)$", _read(CPU_FILE), re.MULTILINE)
    return {name: value.strip() for name, value in lines}


def usable_cores() -> int:
    """Cores that this process may run on; all of them where the system has no such limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int | None:
    """All of the machine's memory."""
    import psutil

    try:
        return int(psutil.virtual_memory().total)
    except (OSError, psutil.Error):
        return None


def check_weights_fit(parameters: int) -> None:
    """Raises UserError where float32 weights, which are made in the machine's memory, are larger than all of it."""
    memory, needed = memory_bytes(), 4 * parameters
    if memory is not None and needed > memory:
        raise UserError(
            f"the model's {parameters:,} parameters take {needed / 1e9:,.1f} GB and this machine has "
            f"{memory / 1e9:,.1f} GB of memory; `albert-lab cost` with the same settings says what takes how much"
        )


def gpu_name() -> str | None:
    """What NVIDIA's Linux driver calls the machine's first GPU, without torch."""
    for file in sorted(NVIDIA_FOLDER.glob("*/information")):
        found = re.search(r"^Model:\s*(.+)$", _read(file), re.MULTILINE)
        if found:
            return found[1].strip()
    return None


def has_gpu_driver() -> bool:
    """Whether the system has a GPU driver that PyTorch can use: NVIDIA's, AMD's or that of Windows for Linux."""
    return NVIDIA_FOLDER.exists() or any(Path("/dev", name).exists() for name in ("nvidiactl", "kfd", "dxg"))


def _read(file: Path) -> str:
    """A file that the system may lack: empty then."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def library_versions() -> dict[str, str | None]:
    return {
        "albert_lab": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def resident_bytes() -> int | None:
    """Memory that this process holds now."""
    import psutil

    try:
        return int(psutil.Process().memory_info().rss)
    except (OSError, psutil.Error):
        return None


def peak_resident_bytes() -> int | None:
    """The most memory that this process has held: Linux's VmHWM, else what `getrusage` or Windows reports."""
    found = re.search(r"^VmHWM:\s*(\d+) kB$", _read(STATUS_FILE), re.MULTILINE)
    if found:
        return int(found[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes on macOS, kilobytes elsewhere
