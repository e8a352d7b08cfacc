"""Linear maps on the CPU through the faster of two matrix libraries: MKL, which is PyTorch's own choice, or oneDNN.

For float32, PyTorch calls MKL, which on AMD processors is less than half as fast as oneDNN; on Intel it may be the
other way round. So the choice is measured (`find_fastest_matrix_library`) and can be set (`use_matrix_library`). Other
types, other devices and compiled code use PyTorch's own choice.
"""

import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from albert_lab.errors import UserError, nearest

MATRIX_LIBRARIES = ("mkl", "onednn")
# oneDNN compiles code for every new shape (milliseconds, and memory for a thousand of them): code
# that makes batches of any number of rows rounds it up to a multiple of this.
ROWS = 32
_MEASURED_SIZES = ((512, 768, 768), (512, 768, 3072))  # (tokens, in, out)
_ROUNDS = 5
_LEAST_GAIN = 1.05  # below this it is noise, and the default stays

_library = "mkl"


class Linear(nn.Linear):
    """`nn.Linear`, computed by the matrix library in use."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [...,in] times weight [out,in] transposed, plus bias [out]."""
    if _library == "mkl" or not _can_use_onednn(x, weight):
        return functional.linear(x, weight, bias)
    y: Tensor = _OneDnnLinear.apply(x, weight, bias)
    return y


def _can_use_onednn(x: Tensor, weight: Tensor) -> bool:
    return (
        x.dtype is torch.float32
        and weight.dtype is torch.float32
        and x.device.type == "cpu"
        and x.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


class _OneDnnLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        grad = grad.contiguous()
        rows, columns = grad.reshape(-1, grad.shape[-1]), x.reshape(-1, x.shape[-1]).contiguous()
        return (
            _onednn(grad, weight.t(), None) if for_x else None,
            _onednn(rows.t(), columns.t(), None) if for_weight else None,
            rows.sum(0) if for_bias else None,
        )


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return y


def use_matrix_library(name: str) -> None:
    """Set how this process computes float32 linear maps on the CPU; it changes results by rounding alone.

    Raises:
        UserError: a name that is not in `MATRIX_LIBRARIES`.
    """
    global _library
    if name not in MATRIX_LIBRARIES:
        raise UserError(f"no matrix library {name!r}{nearest(name, MATRIX_LIBRARIES)}")
    _library = name


def get_matrix_library() -> str:
    return _library


def find_fastest_matrix_library() -> tuple[str, dict[str, float]]:
    """The library that is faster on this machine with this many threads, and the GFLOP/s of each, forward and backward.

    Takes about a second. Rounds alternate between the libraries, so that another process's load affects both.
    """
    if not torch.backends.mkldnn.is_available():
        return "mkl", {}
    seconds: dict[str, list[float]] = {name: [] for name in MATRIX_LIBRARIES}
    before = get_matrix_library()
    try:
        for _ in range(_ROUNDS + 1):
            for name in MATRIX_LIBRARIES:
                use_matrix_library(name)
                seconds[name].append(sum(_time_linear(*size) for size in _MEASURED_SIZES))
    finally:
        use_matrix_library(before)
    flops = sum(3 * 2 * tokens * size_in * size_out for tokens, size_in, size_out in _MEASURED_SIZES)
    speed = {name: flops / statistics.median(times[1:]) / 1e9 for name, times in seconds.items()}
    return ("onednn" if speed["onednn"] > _LEAST_GAIN * speed["mkl"] else "mkl"), speed


def _time_linear(tokens: int, size_in: int, size_out: int) -> float:
    x = torch.ones(tokens, size_in, requires_grad=True)
    layer = Linear(size_in, size_out)
    start = time.perf_counter()
    layer(x).sum().backward()
    return time.perf_counter() - start
