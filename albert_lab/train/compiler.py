"""`trainer.compile`: the layers' kernels made by `torch.compile`."""

import os
import shutil
from importlib.util import find_spec

from albert_lab.errors import UserError


def check_compiler(device: str) -> None:
    """Checks that torch.compile can make kernels for `device`, cpu or cuda.

    Raises:
        UserError: what makes code for the device is not there.
    """
    missing = _missing(device)
    if missing is not None:
        raise UserError(f"trainer.compile=true needs {missing}; install it, or set trainer.compile=false")


def _missing(device: str) -> str | None:
    """What PyTorch's compiler calls and this machine doesn't have."""
    if device == "cpu":
        compiler = os.environ.get("CXX", "g++")  # as `torch._inductor` looks for it
        return None if shutil.which(compiler) else f"a C++ compiler, and {compiler} is not there"
    if find_spec("triton") is None:
        return "the package triton, which PyTorch's builds for CUDA bring with them"
    found = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    return None if found else "a C compiler, such as gcc, for Triton's launchers"
