"""Initial weights: Google's truncated normal, or Hugging Face's normal."""

from collections.abc import Callable

from torch import Tensor, nn

from albert_lab.config.schema import Initializer, ModelConfig


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


def initialize(model: nn.Module, config: ModelConfig) -> None:
    """Draw every matrix and embedding table; biases become 0, LayerNorms 1 and 0."""
    draw = DRAWS[config.initializer]
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            draw(module.weight, config.initializer_range)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.LayerNorm):
            module.reset_parameters()
