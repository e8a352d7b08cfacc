"""The private interfaces of Hydra that the lab uses are there; a failure names the version that broke them."""

import hydra
import pytest

from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.errors import UserError

BROKEN = (
    f"Hydra {hydra.__version__} changed hydra._internal.utils.get_args_parser: adapt albert_lab/cli/hydra_private.py"
)


def test_overrides_are_separated_from_hydras_options_and_their_values() -> None:
    given = parse_arguments(["--multirun", "sharing=all,none", "model.hidden_size=64", "--config-dir", "mine"])
    assert given == (["sharing=all,none", "model.hidden_size=64"], False, "mine", True), BROKEN


def test_a_call_for_completion_is_recognized() -> None:
    assert parse_arguments(["--shell-completion", "query=bash"]).completes, BROKEN


def test_overrides_may_stand_on_both_sides_of_an_option() -> None:
    given = parse_arguments(["scale=tiny", "--cfg", "job", "sharing=all"])
    assert given.overrides == ["scale=tiny", "sharing=all"], BROKEN


def test_an_option_that_hydra_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="unknown option '--fast'"):
        parse_arguments(["--fast"])
