"""Imports go down: a package imports only from floors below its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "albert_lab"
FLOORS = {"config": 0, "model": 1, "data": 1, "cost": 2, "report": 2, "launch": 2, "train": 3, "sweep": 3, "cli": 4}
HOMES = {  # a third-party library and the only places that may import it
    "lightning": {"train"},
    "deepspeed": {"train"},
    "mlflow": {"train", "report"},
    "optuna": {"sweep"},
    "pandas": {"report"},
    "matplotlib": {"report"},
    "sentencepiece": {"data"},
    "datasets": {"data"},
    "huggingface_hub": {"config", "data"},  # data: only the errors that datasets lets through
    "tokenizers": {"data"},
    "torch": {"model", "cost", "train", "data"},  # data: for tensors that a tokenizer is asked for, imported then
}


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if place_of(path) in FLOORS]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_floors_below(path: Path) -> None:
    mine = place_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "albert_lab" and len(parts) > 1 and parts[1] in FLOORS and parts[1] != mine:
            assert FLOORS[parts[1]] < FLOORS[mine], f"{path.name} imports {name}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_home_alone(path: Path) -> None:
    for name in imports_of(path):
        library = name.split(".")[0]
        assert place_of(path) in HOMES.get(library, {place_of(path)}), f"{path.name} imports {library}"


def test_every_place_of_the_package_has_a_floor() -> None:
    places = {place_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert places == set(FLOORS)
