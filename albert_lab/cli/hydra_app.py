"""Hydra's command line (--multirun, --cfg, --help, --info, completion) around a job, with errors in one line."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.config.compose import one_line, register
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.overrides import check_overrides, describe_choices
from albert_lab.errors import UserError

Job = Callable[[Any], Any]  # takes what Hydra composed

CALLABLE = ["albert_lab.cli.multirun_callback.MakeRunsFolder", "optuna.samplers.*", "hydra_plugins.*"]  # by `_target_`


def run_app(job: Job, verb: str, arguments: Sequence[str]) -> None:
    """Composes `conf/VERB.yaml` with `arguments` and calls `job` as Hydra does; raises UserError for a bad one."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises, we report
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    register()
    OmegaConf.register_resolver("albert_lab.choices", describe_choices, replace=True)  # for --help
    given = parse_arguments(arguments)
    if not given.completes:
        check_overrides(verb, given.overrides)
    sys.argv = [f"albert-lab {verb}", *arguments]
    raised: list[BaseException] = []

    def run(composed: Any) -> Any:
        try:
            return job(composed)
        except BaseException as error:
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise
            raised.append(error)  # raised again below: Hydra would add lines of its own to it
            return None

    try:
        hydra.main(str(CONF_FOLDER), verb, execution_whitelist=CALLABLE)(run)()
        if raised:
            raise raised[0]
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(one_line(error)) from error
    except RecursionError:
        raise UserError("a setting refers to itself through ${...}; give it a value") from None
