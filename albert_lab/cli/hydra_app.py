"""Hydra's command line (--multirun, --cfg, --config-dir, completion) around a job, with errors in one line."""

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.config.compose import COMPOSING_ERRORS, one_line, register
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.overrides import check_overrides, find_search_path, spell_out
from albert_lab.config.sources import find_sources
from albert_lab.errors import UserError

Job = Callable[[Any], Any]  # takes what Hydra composed

CALLABLE = ["albert_lab.cli.multirun_callback.PrepareMultirun", "optuna.samplers.*", "hydra_plugins.*"]  # by `_target_`


def run_app(job: Job, verb: str, arguments: Sequence[str]) -> None:
    """Composes `conf/VERB.yaml` with `arguments` and calls `job` as Hydra does; raises UserError for a bad one."""
    if {"-h", "--help"} & set(arguments):
        from albert_lab.cli.help import print_help

        print_help(verb, arguments)
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises, we report
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    register()
    arguments = [spell_out(verb, argument) for argument in arguments]
    given = parse_arguments(arguments)
    if not given.completes:
        check_overrides(verb, given.overrides, find_sources(given.config_dir, find_search_path(given.overrides)))
    sys.argv = ["albert-lab" if given.completes else f"albert-lab {verb}", *arguments]
    raised: list[BaseException] = []
    paths: dict[str, str] = {}  # as composed

    def run(composed: Any) -> Any:
        try:
            paths.update({"paths.runs": composed.paths.runs, "paths.cache": composed.paths.cache})
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
    except COMPOSING_ERRORS as error:
        raise UserError(one_line(error)) from error
    except RecursionError:
        raise UserError("a setting refers to itself through ${...}; give it a value") from None
    except OSError as error:
        raise_unusable_path(error, paths or {"paths.runs": ""})
        raise


def raise_unusable_path(error: OSError, paths: Mapping[str, str]) -> None:
    """Raises UserError where the system refuses a path that the user gave, by the setting that names it.

    Args:
        paths: the settings that name folders, with their values; nothing is known of an empty value.
    """
    if error.filename is None or error.errno in (errno.ENOSPC, errno.EDQUOT):
        return
    refused = Path(os.fsdecode(error.filename)).absolute()
    for key, value in paths.items():
        folder = Path(value).absolute()
        if not value or refused.is_relative_to(folder) or folder.is_relative_to(refused):
            raise UserError(
                f"{key}={value or refused} can't be used ({error.strerror}: {refused}); "
                f"set {key} to a folder where you may write"
            ) from error
    if error.errno in (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EROFS):
        raise UserError(f"{refused} can't be used: {error.strerror}") from error
