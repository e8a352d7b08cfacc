"""The activation functions of the feed-forward blocks and the language-model head."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from albert_lab.config.variant import Activation

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.gelu_new: partial(functional.gelu, approximate="tanh"),
    Activation.gelu_pytorch_tanh: partial(functional.gelu, approximate="tanh"),
    Activation.gelu: functional.gelu,
    Activation.relu: functional.relu,
    Activation.silu: functional.silu,
    Activation.tanh: torch.tanh,
}
