"""AdamW and LAMB as ALBERT was trained, and in their standard forms.

Google's versions have no bias correction, add the decay to the update, and leave biases and LayerNorms out of decay
and trust ratio (facts: google-research/albert `optimization.py`, `lamb_optimizer.py`).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim.adamw import adamw

from albert_lab.config.training import OptimizerConfig, OptimizerName


def make_optimizer(model: nn.Module, config: OptimizerConfig, partitioned: bool) -> torch.optim.Optimizer:
    """The optimizer of `config` over the unique tensors of `model`.

    `partitioned`: a strategy hands the optimizer flat shards of each group (ZeRO), so norms are summed over processes.
    """
    lamb = config.name is OptimizerName.lamb
    groups = parameter_groups(model, config.weight_decay, one_tensor_each=lamb)
    options: dict[str, Any] = {
        "lr": config.learning_rate,
        "betas": (config.beta1, config.beta2),
        "eps": config.eps,
        "bias_correction": config.bias_correction,
    }
    return Lamb(groups, **options, partitioned=partitioned) if lamb else FusedAdamW(groups, **options)


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


class _Adam(torch.optim.Optimizer):
    """What the two share: the moments and the count of steps of every tensor."""

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        bias_correction: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": 0.0,
            "adapt": True,
            "bias_correction": bias_correction,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._update()
        return loss

    def _update(self) -> None:
        raise NotImplementedError

    def _moments(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The state of a tensor. Its step is infinite where nothing is corrected: 1 - beta ** inf is 1."""
        state = self.state[p]
        if not state:
            start = 0.0 if group["bias_correction"] else math.inf
            state["step"] = torch.full((), start, dtype=torch.float32, device=p.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        return state


class FusedAdamW(_Adam):
    """p -= lr * (m / (sqrt(v) + eps) + weight_decay * p), in PyTorch's one pass over every tensor.

    With `bias_correction` it is `torch.optim.AdamW`; without, the optimizer of Google's BERT and ALBERT.
    """

    def _update(self) -> None:
        for group in self.param_groups:
            held = [p for p in group["params"] if p.grad is not None]
            states = [self._moments(p, group) for p in held]
            adamw(
                held,
                [p.grad for p in held if p.grad is not None],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )


class Lamb(_Adam):
    """Adam whose step is scaled by ||p|| / ||update|| per tensor (You et al., 2019).

    update = m / (sqrt(v) + eps) + weight_decay * p;  p -= lr * ratio * update. A tensor shared by many layers has one
    ratio. The ratio is 1 where either norm is 0 and for groups with `adapt` false.
    """

    def __init__(self, params: Iterable[dict[str, Any]], *, partitioned: bool = False, **options: Any) -> None:
        self.partitioned = partitioned
        super().__init__(params, **options)

    def _update(self) -> None:
        pending = [
            (p, self._direction(p, group), group)
            for group in self.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        for (p, update, group), ratio in zip(pending, self._ratios(pending), strict=True):
            p.sub_(update.mul_(ratio * group["lr"]))

    def _direction(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        state, (beta1, beta2) = self._moments(p, group), group["betas"]
        assert p.grad is not None
        step = state["step"].add_(1)
        mean = state["exp_avg"].lerp_(p.grad, 1 - beta1)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        mean_bias, square_bias = 1 - beta1 ** step.double(), 1 - beta2 ** step.double()
        root = square.sqrt().div_(square_bias.sqrt()).add_(group["eps"])
        update = torch.div(mean, root, out=root).div_(mean_bias)
        return update.add_(p, alpha=group["weight_decay"]) if group["weight_decay"] else update

    def _ratios(self, pending: list[tuple[Tensor, Tensor, dict[str, Any]]]) -> list[Tensor | float]:
        """The trust ratio of every tensor; shards of one tensor on several processes share it."""
        if not pending:
            return []
        squares = torch.stack([torch.stack((_square_sum(p), _square_sum(update))) for p, update, _ in pending])
        if self.partitioned and dist.is_initialized():
            dist.all_reduce(squares)
        weight, update = squares.sqrt().unbind(1)
        ratios = torch.where((weight > 0) & (update > 0), weight / update, torch.ones_like(weight))
        return [ratio if group["adapt"] else 1.0 for ratio, (_, _, group) in zip(ratios, pending, strict=True)]


def _square_sum(tensor: Tensor) -> Tensor:
    wide = torch.promote_types(tensor.dtype, torch.float32)
    return torch.linalg.vector_norm(tensor, dtype=wide).square()
