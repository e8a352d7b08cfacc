"""`make reproduce` installs what running needs; what only tests need comes with `make test`."""

import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from albert_lab.data.corpora.docstrings import PACKAGES
from tests.lab import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def list_commands(target: str, environment: Path) -> str:
    """What `make TARGET` would run, with its virtual environment there."""
    command = ["make", "--dry-run", target, f"VENV={environment}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_reproduce_installs_the_package_alone_after_saying_how_large_it_is(tmp_path: Path) -> None:
    commands = list_commands("reproduce", tmp_path)
    assert commands.index(" GB") < commands.index("--editable .\n") < commands.index("minutes on 2 CPU cores")
    assert "[dev]" not in commands


@pytest.mark.parametrize("target", ["test", "lint", "setup"])
def test_what_tests_need_is_added_to_the_same_environment(target: str, tmp_path: Path) -> None:
    commands = list_commands(target, tmp_path)
    assert commands.index("--editable .\n") < commands.index("--editable '.[dev]'")
    (tmp_path / ".installed").touch()
    commands = list_commands(target, tmp_path)
    assert "--editable .\n" not in commands
    assert "--editable '.[dev]'" in commands


def test_the_corpus_is_the_same_with_and_without_the_tools_of_the_tests() -> None:
    """Another corpus would give finished runs other names."""
    assert {_normalize(name) for name in PACKAGES} <= _list_requirements()


def _list_requirements() -> set[str]:
    """The distributions that the package's own requirements bring, and theirs in turn, as far as they are installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, found = [(line, "") for line in project["dependencies"]], set()
    while waiting:
        line, extra = waiting.pop()
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in {"", *requirement.extras}:
            key = _normalize(requirement.name), wanted
            if key not in found:
                found.add(key)
                waiting += [(other, wanted) for other in _requires(requirement.name)]
    return {name for name, _ in found}


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
