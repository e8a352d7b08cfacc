"""A machine in one line, as runs are told apart by it (no torch)."""

from collections.abc import Mapping
from typing import Any


def describe_host(host: Mapping[str, Any]) -> str:
    """`NVIDIA H200`, or a CPU with what tells it from others of its name: `AMD EPYC, 2 cores, 25.3 GB`.

    Args:
        host: a record's `host`: cpu, cores, memory_bytes, gpu.
    """
    if host.get("gpu"):
        return str(host["gpu"])
    cores, memory = host.get("cores"), host.get("memory_bytes")
    parts = [host.get("cpu", "an unknown processor"), f"{cores} core{'s' * (cores != 1)}" if cores else ""]
    parts.append(f"{float(f'{memory:.2e}') / 1e9:.3g} GB" if memory else "")
    return ", ".join(part for part in parts if part)
