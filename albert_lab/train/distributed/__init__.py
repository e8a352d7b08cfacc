"""How a run is spread over processes: a file per strategy, named as `trainer.strategy` names it."""

from importlib import import_module

from albert_lab.train.distributed.base import RunStrategy


def load_strategy(name: str) -> type[RunStrategy]:
    """The class in the file of that name."""
    strategy = import_module(f"{__name__}.{name}").STRATEGY
    assert issubclass(strategy, RunStrategy)
    return strategy
