"""What a run ran on, and how much memory its process took."""

import os
import platform
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from albert_lab import __version__


def describe_host() -> dict[str, Any]:
    return {
        "hostname": socket.gethostname(),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def versions() -> dict[str, str]:
    others = ("torch", "lightning", "hydra-core", "deepspeed", "sentencepiece", "mlflow", "numpy")
    return {"albert_lab": __version__, "python": platform.python_version(), **{name: version(name) for name in others}}


def resident_bytes() -> int:
    """Memory the process holds now."""
    return int(psutil.Process().memory_info().rss)


def peak_resident_bytes() -> int:
    """The most memory the process has held (the kernel's VmHWM), in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")
