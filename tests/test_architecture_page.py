"""`docs/architecture.md` says where things are: its paths, floors and diffs are those of the code."""

import inspect
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.lab import ROOT
from tests.test_floors import FLOORS

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SECTIONS = [section.split("\n", 1) for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]]
ADDITIONS = {title: text for title, text in SECTIONS if "```diff" in text}


def blocks(text: str, language: str) -> str:
    return "".join(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL))


def hops() -> list[tuple[str, str]]:
    """Caller and called, of both lists: the second one starts from what is called last."""
    loss, batch = re.findall(r"^```text\n(albert_lab\..*?)```", PAGE, re.MULTILINE | re.DOTALL)
    down = [line.split()[0] for line in loss.splitlines()]
    up = [line.split()[0] for line in batch.splitlines()]
    return [*pairwise(down), *pairwise(reversed(up))]


def test_a_path_exists() -> None:
    paths = re.findall(r"`((?:albert_lab|conf|sweeps|tests|benchmarks)/[^`]*)`", PAGE)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_has_a_row() -> None:
    folders = {path.parent for path in (ROOT / "albert_lab").rglob("*.py")} - {ROOT / "albert_lab"}
    of_rooms = {"cost", "report", "data"}  # their rows are those of their rooms
    missing = [str(folder.relative_to(ROOT)) for folder in folders if f"| `{folder.relative_to(ROOT)}/` |" not in PAGE]
    assert set(missing) <= {f"albert_lab/{name}" for name in of_rooms}


def test_the_floors_drawn_are_those_of_the_code() -> None:
    (drawing,) = re.findall(r"```text\n(8 .*?)```", PAGE, re.DOTALL)
    drawn = {name: int(line.split()[0]) for line in drawing.splitlines() for name in line.split() if name in FLOORS}
    assert drawn == FLOORS


@pytest.mark.parametrize(("caller", "called"), hops(), ids=lambda name: name.removeprefix("albert_lab."))
def test_a_hop_names_the_next(caller: str, called: str) -> None:
    assert pkgutil.resolve_name(called)
    source = inspect.getsource(inspect.getmodule(pkgutil.resolve_name(caller)))
    *path, owner, name = called.split(".")
    known_as = [name, owner] if owner[0].isupper() else [name, ".".join(path[:2])]  # a process starts a package
    assert any(re.search(rf"\b{re.escape(word)}\b", source) for word in known_as)


@pytest.mark.parametrize("title", ADDITIONS)
def test_what_a_diff_adds_works(title: str, tmp_path: Path) -> None:
    """Applied to a copy of the code, the section's command prints what the section shows."""
    for folder in ("albert_lab", "conf", "sweeps"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    apply_diff(blocks(ADDITIONS[title], "diff"), tmp_path)
    program, *arguments = shlex.split(blocks(ADDITIONS[title], "bash"))
    assert program == "albert-lab"
    result = subprocess.run(
        [sys.executable, "-m", "albert_lab", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "ALBERT_LAB_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert blocks(ADDITIONS[title], "text").strip() in result.stdout


def apply_diff(diff: str, root: Path) -> None:
    """Applies a diff without line numbers: each hunk's old lines must stand in the file once."""
    for path, hunks in re.findall(r"^\+\+\+ (\S+)\n(.*?)(?=^--- |\Z)", diff, re.MULTILINE | re.DOTALL):
        file = root / path
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        for hunk in hunks.split("@@\n")[1:]:
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if not line.startswith("+"))
            new = "".join(line[1:] for line in lines if not line.startswith("-"))
            assert not old or text.count(old) == 1, f"{path} doesn't hold, or holds more than once:\n{old}"
            text = text.replace(old, new) if old else text + new
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
