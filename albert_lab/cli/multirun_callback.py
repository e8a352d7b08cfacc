"""What Hydra calls around a multirun (`hydra.callbacks` of `conf/lab.yaml`)."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class MakeRunsFolder(Callback):
    """Optuna's SQLite storage needs its folder before the first job.

    Where the folder can't be made, Hydra fails on it next and the command explains that.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        with suppress(OSError):
            Path(config.paths.runs).mkdir(parents=True, exist_ok=True)
