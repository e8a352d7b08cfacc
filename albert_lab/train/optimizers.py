"""AdamW and LAMB as ALBERT was trained, and in their standard forms.

Google's versions have no bias correction, add the decay to the update, and leave biases and LayerNorms out of decay
and trust ratio (facts: google-research/albert `optimization.py`, `lamb_optimizer.py`).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from albert_lab.config.training import OptimizerConfig, OptimizerName


def make_optimizer(model: nn.Module, config: OptimizerConfig, partitioned: bool) -> torch.optim.Optimizer:
    """The optimizer of `config` over the unique tensors of `model`.

    `partitioned`: a strategy hands the optimizer flat shards of each group (ZeRO), so norms are summed over processes.
    """
    lamb = config.name is OptimizerName.lamb
    groups = parameter_groups(model, config.weight_decay, one_tensor_each=lamb)
    betas = (config.beta1, config.beta2)
    if config.bias_correction and not lamb:
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, eps=config.eps)
    return LayerwiseAdam(
        groups,
        lr=config.learning_rate,
        betas=betas,
        eps=config.eps,
        bias_correction=config.bias_correction,
        trust_ratio=lamb,
        partitioned=partitioned,
    )


def parameter_groups(model: nn.Module, weight_decay: float, one_tensor_each: bool) -> list[dict[str, Any]]:
    """Weights that decay, and biases and LayerNorms that don't; a shared tensor stands once.

    `one_tensor_each` gives every tensor a group of its own, so that a shard never mixes two tensors.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if one_tensor_each:
        return [_group([p], weight_decay, excluded=is_excluded(name, p)) for name, p in named]
    decayed = [p for name, p in named if not is_excluded(name, p)]
    kept = [p for name, p in named if is_excluded(name, p)]
    return [_group(decayed, weight_decay, excluded=False), _group(kept, weight_decay, excluded=True)]


def is_excluded(name: str, parameter: Tensor) -> bool:
    """Whether Google's exclusion list (LayerNorm, layer_norm, bias) hits: the vectors of the model, nothing else."""
    return parameter.ndim < 2


def _group(parameters: list[nn.Parameter], weight_decay: float, excluded: bool) -> dict[str, Any]:
    return {"params": parameters, "weight_decay": 0.0 if excluded else weight_decay, "adapt": not excluded}


class LayerwiseAdam(torch.optim.Optimizer):
    """Adam whose step may be scaled by ||p|| / ||update|| per tensor: LAMB (You et al., 2019), else AdamW.

    update = m / (sqrt(v) + eps) + weight_decay * p;  p -= lr * ratio * update. A tensor shared by many layers has one
    ratio. The ratio is 1 where either norm is 0 and for groups with `adapt` false.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        bias_correction: bool = False,
        trust_ratio: bool = False,
        partitioned: bool = False,
    ) -> None:
        self.partitioned = partitioned
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": 0.0,
            "adapt": True,
            "bias_correction": bias_correction,
            "trust_ratio": trust_ratio,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        pending = [
            (p, self._update(p, group), group)
            for group in self.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        for (p, update, group), ratio in zip(pending, self._ratios(pending), strict=True):
            p.sub_(update * (ratio * group["lr"]))
        return loss

    def _update(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        state["step"] += 1
        assert p.grad is not None
        mean = state["exp_avg"].lerp_(p.grad, 1 - beta1)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        if group["bias_correction"]:
            mean = mean / (1 - beta1 ** state["step"])
            square = square / (1 - beta2 ** state["step"])
        update = mean / (square.sqrt() + group["eps"])
        return update.add_(p, alpha=group["weight_decay"]) if group["weight_decay"] else update

    def _ratios(self, pending: list[tuple[Tensor, Tensor, dict[str, Any]]]) -> list[Tensor | float]:
        """The trust ratio of every tensor; shards of one tensor on several processes share it."""
        if not pending or not pending[0][2]["trust_ratio"]:
            return [1.0] * len(pending)
        squares = torch.stack([torch.stack((_square_sum(p), _square_sum(update))) for p, update, _ in pending])
        if self.partitioned and dist.is_initialized():
            dist.all_reduce(squares)
        weight, update = squares.sqrt().unbind(1)
        ratios = torch.where((weight > 0) & (update > 0), weight / update, torch.ones_like(weight))
        return [ratio if group["adapt"] else 1.0 for ratio, (_, _, group) in zip(ratios, pending, strict=True)]


def _square_sum(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32)).square().sum()
