"""Imports Lightning without what training never uses, so that a run starts 3 s of CPU time sooner.

Lightning imports `torchmetrics` for the base class of `self.log`, and with it come SciPy, Matplotlib and transformers.
It imports PyTorch's compiler, `torch._dynamo`, for an `isinstance` and to switch it off, as PyTorch's optimizers do.
This relies on private names of lightning 2.6, torchmetrics 1.9 and torch 2.13; where a new version no longer has them,
a run starts as slowly as without this module, and `tests/train/test_light_imports.py` fails.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import nn


def import_lightning(compiler: bool) -> None:
    """Imports Lightning; call this before anything else does.

    Args:
        compiler: import `torch._dynamo` now, for a run that uses it; else whoever uses it imports it later.
    """
    if compiler:
        importlib.import_module("torch._dynamo")
    with ExitStack() as stand_ins:
        stand_ins.enter_context(_stand_in("torchmetrics", Metric=_NeverMade, MetricCollection=_NeverMade))
        stand_ins.enter_context(_stand_in("torch._dynamo", OptimizedModule=_NeverMade, disable=_leave_as_it_is))
        import lightning.pytorch  # noqa: F401
    if not compiler:
        _keep_optimizers_from_importing_the_compiler()


class _NeverMade(nn.Module):
    """Replaces a class that Lightning only subclasses and tests for with `isinstance`."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("torchmetrics is not loaded in a training process: log through the run's journal instead")


def _leave_as_it_is(function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
    """What it means to exclude a function from compilation while nothing is compiled."""
    return function


@contextmanager
def _stand_in(name: str, **content: Any) -> Iterator[None]:
    """Puts a module of only this content in the place of `name`, unless that has already been imported."""
    if name in sys.modules:
        yield
        return
    module = ModuleType(name)
    module.__spec__ = importlib.util.find_spec(name)
    module.__dict__.update(content, __version__=importlib.metadata.version(name.split(".")[0]))
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]


def _keep_optimizers_from_importing_the_compiler() -> None:
    """Says of the methods that PyTorch excludes from compilation that this has been done."""
    for method in vars(torch.optim.Optimizer).values():
        if "disable_fn" in getattr(getattr(method, "__code__", None), "co_varnames", ()):
            method.__wrapped__.__dynamo_disable = method.__wrapped__


def compute_deterministically(compiler: bool) -> None:
    """Does what `Trainer(deterministic="warn", benchmark=False)` does, which imports the compiler to configure it."""
    if compiler:
        torch.use_deterministic_algorithms(True, warn_only=True)
    else:
        torch.set_deterministic_debug_mode("warn")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # for deterministic matrix products on a GPU
