"""What Hydra calls around a multirun (`hydra.callbacks` of `conf/lab.yaml`)."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class MakeRunsFolder(Callback):
    """Optuna's SQLite storage needs its folder before the first job."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        Path(config.paths.runs).mkdir(parents=True, exist_ok=True)
