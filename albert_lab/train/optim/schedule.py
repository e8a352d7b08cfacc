"""The learning rate as a pure function of progress: nothing to save, nothing to restore."""

from albert_lab.config.training import OptimizerConfig, WarmupRule


def learning_rate(config: OptimizerConfig, step: int, progress: float, warmup_share: float) -> float:
    """The rate of optimizer step `step`, counted from 0 (Google's `optimization.create_optimizer`).

    `progress` is the share of the budget that is used up, `warmup_share` the share of it that warm-up takes. Google's
    decay counts from the start of training, so the rate drops a little where warm-up ends; the continuous rule counts
    from there.
    """
    if step < config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    if config.warmup_share and progress < config.warmup_share:
        return config.learning_rate * progress / config.warmup_share
    if config.warmup_rule is WarmupRule.continuous and warmup_share < 1:
        progress = (progress - warmup_share) / (1 - warmup_share)
    return config.learning_rate * (1 - min(max(progress, 0.0), 1.0)) ** config.decay_power
