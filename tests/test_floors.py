"""Imports go down: a package imports only from floors below its own, and a room only from the rooms it may."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "albert_lab"
FLOORS = {  # a folder or file of albert_lab/ -> its floor; what stands on one floor doesn't know its neighbours
    "errors": 0,
    "processes": 0,
    "storage": 1,
    "config": 2,
    "model": 3,
    "tokenizer": 3,
    "data": 4,
    "scoring": 4,
    "runs": 5,
    "cost": 6,  # it calibrates from finished runs
    "report": 6,
    "train": 7,
    "sweep": 7,
    "cli": 8,
}
ROOMS = {  # folder -> its rooms from the ground up; a file beside the rooms stands where it is listed, else on top
    "model": (
        "configuration field_types hugging_face_config layer_map schemes shape",
        "formats",
        "torch/layers",
        "torch",
    ),
    "data": ("random_bits recipe splits workers", "corpora", "store", "samples", "tasks", "spans"),
    "cost": ("counts", "memory", "cluster"),
    "report": (
        "comparison formatting frames metrics mlflow_runs paper statistics summary task_runs",
        "tables figures",
        "page",
    ),
    "train": (
        "batches budget light_imports warm_start",
        "tracking optim distributed",
        "heads",
        "tasks",
        "module",
        "callbacks",
    ),
}
HOMES = {  # a third-party library and the only places that may import it
    "lightning": {"train"},
    "deepspeed": {"train"},
    "mlflow": {"train", "report"},
    "optuna": {"sweep"},
    "pandas": {"report"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "sentencepiece": {"tokenizer"},
    "datasets": {"data"},
    "huggingface_hub": {"storage", "data", "model"},  # data: only its errors; model: only how weights are split
    "ml_dtypes": {"model"},
    "google_crc32c": {"model"},
    "sklearn": {"scoring"},
    "scipy": {"scoring"},
    "seqeval": {"scoring"},
    "tokenizers": {"tokenizer"},
    "torch": {"model", "cost", "train", "tokenizer", "runs"},  # tokenizer, runs: imported only when asked for
}
FREE_OF_TORCH = (  # folders, not what is below
    "model", "model/formats", "config", "storage", "data", "scoring", "report", "sweep",
)  # fmt: skip


def imports_of(path: Path) -> set[str]:
    """Every module that a file names in an import, `from a import b` as both `a` and `a.b`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names |= {str(node.module) for node in froms}
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def room_of(parts: tuple[str, ...]) -> int | None:
    """How high a module (`("model", "torch", "layers", "encoder")`) stands in its folder; None: it has no rooms."""
    rooms = ROOMS.get(parts[0])
    if rooms is None:
        return None
    for height, names in reversed(list(enumerate(rooms))):
        if any("/".join(parts[1:]).startswith(name) for name in names.split() if "/" in name):
            return height
    for height, names in enumerate(rooms):
        if len(parts) > 1 and parts[1] in names.split():
            return height
    return len(rooms)


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if place_of(path) in FLOORS]


def own_imports(path: Path) -> list[tuple[str, ...]]:
    modules = [tuple(name.split(".")) for name in imports_of(path) if name.startswith("albert_lab.")]
    return [parts[1:] for parts in modules if (PACKAGE.joinpath(*parts[1:])).with_suffix(".py").exists()]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    for other in own_imports(path):
        if other[0] not in FLOORS:
            continue  # the version
        if other[0] != parts[0]:
            assert FLOORS[other[0]] < FLOORS[parts[0]], f"{path.name} imports {'.'.join(other)}, which is not below it"
        elif (mine := room_of(parts)) is not None:
            theirs = room_of(other)
            assert theirs is not None
            assert theirs <= mine, f"{path.name} imports {'.'.join(other)}, a room above its own"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_home_alone(path: Path) -> None:
    for name in imports_of(path):
        library = name.split(".")[0]
        assert place_of(path) in HOMES.get(library, {place_of(path)}), f"{path.name} imports {library}"


@pytest.mark.parametrize("folder", FREE_OF_TORCH)
def test_a_folder_without_a_framework_imports_none(folder: str) -> None:
    for path in (PACKAGE / folder).glob("*.py"):
        assert not {"torch", "safetensors.torch"} & imports_of(path), path


def test_every_place_of_the_package_has_a_floor() -> None:
    places = {place_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert places == set(FLOORS)
