"""Which matrix library a run's float32 products go through on the CPU: measured once per machine, and then kept.

Kept, because another choice rounds otherwise: a run that goes on must compute what it would have computed.
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

import torch

from albert_lab.config.schema import Gemm, RunConfig
from albert_lab.config.training import Precision
from albert_lab.model.torch.layers.linear import find_fastest_matrix_library, use_matrix_library
from albert_lab.runs.machine import cpu_name, usable_cores
from albert_lab.storage.files import read_json, write_json
from albert_lab.storage.locks import lock

log = logging.getLogger(__name__)


def choose_matrix_library(config: RunConfig, on_cpu: bool) -> None:
    """Sets the library and logs which and why. Does nothing where no float32 product runs on the CPU."""
    if not on_cpu or config.train.precision is not Precision.fp32:
        return
    if config.trainer.gemm is not Gemm.auto:
        use_matrix_library(config.trainer.gemm.value)
        log.info("float32 products through %s, as trainer.gemm says", config.trainer.gemm.value)
        return
    found = _find_or_measure(Path(config.paths.cache) / "kernels")
    use_matrix_library(found["kernel"])
    speeds = ", ".join(f"{name} {speed:.0f}" for name, speed in found["gflops"].items())
    log.info("float32 products through %s (measured on this machine, GFLOP/s: %s)", found["kernel"], speeds)


def _find_or_measure(folder: Path) -> dict[str, Any]:
    """The speeds on this processor with this PyTorch and as many threads: measured once, then read."""
    machine = [cpu_name(), usable_cores(), torch.get_num_threads(), torch.__version__]
    file = folder / f"{hashlib.sha256(repr(machine).encode()).hexdigest()[:16]}.json"
    with lock(file, "the measurement of matrix products"):
        known = read_json(file)
        if known is None:
            library, speeds = find_fastest_matrix_library()
            known = {"machine": machine, "kernel": library, "gflops": speeds}
            write_json(file, known)
    return known
