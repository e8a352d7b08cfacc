"""What the lab uses of `hydra._internal`, which may change with any version of Hydra: one function."""

from collections.abc import Sequence
from typing import NamedTuple

from albert_lab.errors import UserError


class Arguments(NamedTuple):
    """A command line as Hydra takes it apart."""

    overrides: list[str]
    completes: bool  # the shell asks for completions
    config_dir: str | None  # a folder of the user's own choices
    multirun: bool


def parse_arguments(arguments: Sequence[str]) -> Arguments:
    """Tells overrides from Hydra's own options and their values.

    Raises:
        UserError: an option that Hydra does not have.
    """
    from hydra._internal.utils import get_args_parser

    parsed, unknown = get_args_parser().parse_known_intermixed_args(list(arguments))
    if unknown:
        raise UserError(f"unknown option {unknown[0]!r}; `--hydra-help` lists Hydra's, settings are written KEY=VALUE")
    return Arguments(list(parsed.overrides), bool(parsed.shell_completion), parsed.config_dir, bool(parsed.multirun))
