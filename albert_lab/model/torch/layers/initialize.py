"""Initial weights: Google's truncated normal, or Hugging Face's normal."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from albert_lab.config.variant import Initializer
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.layers.residual import initial_divisor


def truncated_normal_(weight: Tensor, sigma: float) -> Tensor:
    """Fill with a normal redrawn beyond two standard deviations; what remains has 0.88 sigma."""
    return nn.init.trunc_normal_(weight, std=sigma, a=-2 * sigma, b=2 * sigma)


def normal_(weight: Tensor, sigma: float) -> Tensor:
    """Fill with a normal of standard deviation `sigma`."""
    return nn.init.normal_(weight, std=sigma)


DRAWS: dict[Initializer, Callable[[Tensor, float], Tensor]] = {
    Initializer.truncated_normal: truncated_normal_,
    Initializer.normal: normal_,
}


def initialize(model: nn.Module, config: AlbertConfig) -> None:
    """Draw every matrix and embedding table; biases become 0, LayerNorms 1 and 0, a frozen padding row 0."""
    for path, module in model.named_modules():
        initialize_own(module, config, {name for name, _ in module.named_parameters(recurse=False)}, path)


@torch.no_grad()
def initialize_own(module: nn.Module, config: AlbertConfig, names: set[str], path: str) -> None:
    """Initialise the named tensors of the module that a model has at `path`, those of its children left out."""
    for name in sorted(names, reverse=True):
        parameter = module.get_parameter(name)
        if name == "bias" or name in getattr(module, "starts_at_zero", ()):
            parameter.zero_()
        elif isinstance(module, nn.LayerNorm):
            parameter.fill_(1)
        else:
            DRAWS[config.initializer](parameter, config.initializer_range)
            parameter.div_(initial_divisor(config, config.layer_map.num_layers, path))
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            parameter[module.padding_idx].zero_()
