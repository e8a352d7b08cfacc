"""Every command that the README and the YAML files print is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest

from albert_lab.cli import export, import_checkpoint
from albert_lab.cli.main import VERBS
from albert_lab.config.check import check
from albert_lab.config.compose import CONF_FOLDER, SWEEPS_FOLDER
from albert_lab.config.overrides import check_overrides, choices_by_group
from albert_lab.model.layer_map import make_layer_map
from tests.lab import ROOT, composed

YAML_FILES = sorted([*CONF_FOLDER.glob("*/*.yaml"), *SWEEPS_FOLDER.glob("*/*.yaml")])
PLAIN_VERBS = {"export": export, "import": import_checkpoint}  # their arguments are no overrides
FLAGS = {"--multirun", "-m", "--help", "--cfg", "job"}


def readme_commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*", "", line) for line in lines if line.startswith("albert-lab ")]


def first_command(file: Path) -> str:
    commands = [line.removeprefix("# ") for line in file.read_text().splitlines() if line.startswith("# albert-lab ")]
    assert commands, f"{file.name} doesn't say which command runs it"
    return commands[0]


def overrides_of(command: str) -> list[str]:
    _, verb, *words = shlex.split(command)
    if verb == "-sc":
        return []
    assert verb in VERBS
    if verb in PLAIN_VERBS:
        PLAIN_VERBS[verb].parser().parse_args(words)
        return []
    overrides = [word for word in words if word not in FLAGS]
    if verb == "reproduce":
        overrides = [f"study={overrides[0]}", *overrides[1:]]
    return overrides


def first_choice(override: str) -> str:
    """A sweep's first value."""
    key, _, value = override.partition("=")
    return override if value.startswith(("[", "{")) else f"{key}={value.split(',')[0]}"


@pytest.mark.parametrize("command", readme_commands())
def test_a_command_of_the_readme_is_valid(command: str) -> None:
    overrides = overrides_of(command)
    check_overrides(overrides)
    check(composed(*map(first_choice, overrides)))


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_yaml_file_names_a_command_that_uses_it(file: Path) -> None:
    overrides = overrides_of(first_command(file))
    assert any(f"{file.parent.name}={file.stem}" in override for override in overrides), overrides
    check_overrides(overrides)
    config = composed(*map(first_choice, overrides))
    check(config)
    make_layer_map(config.sharing, config.model.num_hidden_layers)


def test_the_readme_shows_every_verb() -> None:
    shown = {shlex.split(command)[1] for command in readme_commands()}
    assert set(VERBS) <= shown


def test_every_choice_has_a_file() -> None:
    assert sum(len(choices) for choices in choices_by_group().values()) == len(YAML_FILES)
