"""Hydra's command line (--multirun, --cfg, --help, --info, completion) around a task, with errors in one line."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from albert_lab.config.compose import CONF_FOLDER, register
from albert_lab.config.overrides import check_overrides
from albert_lab.errors import UserError

Task = Callable[[Any], Any]

CALLABLE = ["albert_lab.cli.multirun_callback.MakeRunsFolder", "optuna.samplers.*", "hydra_plugins.*"]  # by `_target_`


def run_app(task: Task, name: str, arguments: Sequence[str]) -> None:
    """Composes `conf/config.yaml` with `arguments` and calls `task` as Hydra does; raises UserError for a bad one."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises, we report
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    register()
    check_overrides(_overrides(arguments))
    sys.argv = [name, *arguments]
    raised: list[BaseException] = []
    try:
        hydra.main(str(CONF_FOLDER), "config", execution_whitelist=CALLABLE)(_aside(task, raised))()
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(one_line(error)) from error
    if raised:
        raise raised[0]


def _aside(task: Task, raised: list[BaseException]) -> Task:
    """`task`, its exception put aside in a single run: Hydra would add lines of its own to it."""

    def call(composed: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        try:
            return task(composed)
        except BaseException as error:
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise
            raised.append(error)
            return None

    return call


def _overrides(arguments: Sequence[str]) -> list[str]:
    """The overrides among `arguments`: Hydra's flags and their values aside."""
    from hydra._internal.utils import get_args_parser

    parsed, unknown = get_args_parser().parse_known_args(list(arguments))
    if unknown:
        raise UserError(f"unknown option {unknown[0]!r}; `--hydra-help` lists Hydra's, settings are written KEY=VALUE")
    return [] if parsed.shell_completion else list(parsed.overrides)


def one_line(error: BaseException) -> str:
    """Hydra's explanation without its line breaks; the deepest cause says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    keys = [line.removeprefix("full_key: ") for line in lines if line.startswith("full_key: ")]
    said = " ".join(line for line in lines if not line.startswith(("full_key", "reference_type", "object_type")))
    return f"{keys[0]}: {said}" if keys else said
