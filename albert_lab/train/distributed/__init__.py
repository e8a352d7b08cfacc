"""How a run is spread over processes: a file per strategy, named as `trainer.strategy` names it."""

from importlib import import_module
from pathlib import Path

from albert_lab.train.distributed.base import RunStrategy


def list_strategies() -> list[str]:
    """Every name that `trainer.strategy` may have: the files of this folder."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in ("__init__", "base"))


def load_strategy(name: str) -> type[RunStrategy]:
    """The class in the file of that name."""
    name = {"auto": "single"}.get(getattr(name, "name", name), getattr(name, "name", name))  # SHIM
    strategy = import_module(f"{__name__}.{name}").STRATEGY
    assert issubclass(strategy, RunStrategy)
    return strategy
