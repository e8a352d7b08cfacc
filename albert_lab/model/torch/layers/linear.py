"""Linear maps on the CPU through the faster of two matrix libraries: PyTorch's own choice (MKL), or oneDNN.

For float32, PyTorch calls MKL, which on AMD processors reaches less than half of what oneDNN does; on Intel it may be
the other way round. So the choice is measured (`fastest_kernel`) and can be set (`use_kernel`). Other types, devices
and compiled code go PyTorch's way.
"""

import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from albert_lab.errors import UserError, nearest

KERNELS = ("mkl", "onednn")
# oneDNN compiles code for every new shape (milliseconds, and memory for a thousand of them): who makes batches of any
# number of rows rounds it up to a multiple of this.
ROWS = 32
_SIZES = ((512, 768, 768), (512, 768, 3072))  # (tokens, in, out) that are measured
_ROUNDS = 5
_WORTH = 1.05  # a gain below this is noise, and the default stays

_kernel = "mkl"


class Linear(nn.Linear):
    """`nn.Linear`, computed by the kernel in use."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [...,in] times weight [out,in] transposed, plus bias [out]."""
    if _kernel == "mkl" or not _is_for_onednn(x, weight):
        return functional.linear(x, weight, bias)
    y: Tensor = _OneDnnLinear.apply(x, weight, bias)
    return y


def _is_for_onednn(x: Tensor, weight: Tensor) -> bool:
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


def use_kernel(name: str) -> None:
    """Set how this process computes float32 linear maps on the CPU; it changes results by rounding alone.

    Raises:
        UserError: a name that is not in `KERNELS`.
    """
    global _kernel
    if name not in KERNELS:
        raise UserError(f"no kernel {name!r}{nearest(name, KERNELS)}")
    _kernel = name


def kernel_in_use() -> str:
    return _kernel


def fastest_kernel() -> tuple[str, dict[str, float]]:
    """The kernel that is faster on this machine with this many threads, and the GFLOP/s of each, forward and backward.

    Takes about a second. Rounds alternate between the kernels, so that another process's load meets both.
    """
    if not torch.backends.mkldnn.is_available():
        return "mkl", {}
    seconds: dict[str, list[float]] = {name: [] for name in KERNELS}
    before = kernel_in_use()
    try:
        for _ in range(_ROUNDS + 1):
            for name in KERNELS:
                use_kernel(name)
                seconds[name].append(sum(_seconds(*size) for size in _SIZES))
    finally:
        use_kernel(before)
    flops = sum(3 * 2 * tokens * size_in * size_out for tokens, size_in, size_out in _SIZES)
    speed = {name: flops / statistics.median(times[1:]) / 1e9 for name, times in seconds.items()}
    return ("onednn" if speed["onednn"] > _WORTH * speed["mkl"] else "mkl"), speed


def _seconds(tokens: int, size_in: int, size_out: int) -> float:
    x = torch.ones(tokens, size_in, requires_grad=True)
    layer = Linear(size_in, size_out)
    start = time.perf_counter()
    layer(x).sum().backward()
    return time.perf_counter() - start
