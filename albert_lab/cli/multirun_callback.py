"""What Hydra calls around a multirun (`hydra.callbacks` of `conf/lab.yaml`)."""

from collections.abc import Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from albert_lab.sweep.progress import SweepProgress


class PrepareMultirun(Callback):
    """Before the first job: makes the folder that Optuna's SQLite storage needs, and counts the jobs.

    Where the folder can't be made, Hydra fails on it next and the command explains that.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        with suppress(OSError):
            Path(config.paths.runs).mkdir(parents=True, exist_ok=True)
        progress = SweepProgress.current()
        if progress is not None:
            sweeper = config.hydra.sweeper
            swept = _swept_values(config.hydra.overrides.task)
            space = sweeper.get("params") or {}
            params = _swept_values([f"{key}={value}" for key, value in space.items()])
            number = prod((swept | params).values()) if "n_trials" not in sweeper else int(sweeper.n_trials)
            progress.begin(number, axes=[*swept, *(str(key) for key in space)])


def _swept_values(overrides: Sequence[str]) -> dict[str, int]:
    """How many values each override takes that takes several."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return {str(o.key_or_group): len(list(o.sweep_iterator())) for o in parsed if o.is_sweep_override()}
