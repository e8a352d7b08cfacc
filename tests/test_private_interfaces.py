"""Every private interface of another library that the lab relies on, in one list, and a test of each.

When a new version breaks one, its test names the library, the version and the file to mend.
"""

import ast
import importlib
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "albert_lab"


class Private(NamedTuple):
    library: str  # as PyPI has it
    module: str
    name: str  # dotted within the module
    used_in: str  # below albert_lab/


INTERFACES = (
    Private("deepspeed", "deepspeed.ops", "__compatible_ops__", "train/distributed/zero2.py"),
    Private("hydra-core", "hydra._internal.utils", "get_args_parser", "cli/hydra_private.py"),
    Private("lightning", "lightning.pytorch.strategies", "DDPStrategy.setup_environment", "train/distributed/zero2.py"),
    Private("lightning", "lightning.pytorch.strategies", "DeepSpeedStrategy.setup_environment",
            "train/distributed/zero2.py"),
    Private("lightning", "lightning.pytorch.strategies", "DeepSpeedStrategy.setup_distributed",
            "train/distributed/zero2.py"),
    Private("torch", "torch._subclasses.fake_tensor", "FakeTensorMode", "cost/memory/tracker.py"),
    Private("torch", "torch.distributed._tools.mem_tracker", "MemTracker", "cost/memory/tracker.py"),
    Private("torch", "torch.multiprocessing.reductions", "StorageWeakRef", "cost/memory/measured.py"),
    Private("torch", "torch.nn", "Module._apply", "cost/memory/tracker.py"),
    Private("torch", "torch.ops", "mkldnn._linear_pointwise", "model/torch/layers/linear.py"),
    Private("torch", "torch.optim.adamw", "adamw", "train/optim/optimizers.py"),
    Private("torch", "torch.utils.deterministic", "fill_uninitialized_memory", "train/engine.py"),
)  # fmt: skip
# Two more are too large for a name, and have modules and tests of their own: the state of a saved view of MLflow's UI
# (report/mlflow_saved_view.py, tests/report/test_mlflow_saved_view.py) and how Lightning imports torchmetrics and
# PyTorch's compiler (train/light_imports.py, tests/train/test_light_imports.py).


@pytest.mark.parametrize("private", INTERFACES, ids=lambda private: f"{private.library}: {private.name}")
def test_a_private_interface_is_still_there(private: Private) -> None:
    message = (
        f"{private.library} {version(private.library)} no longer has {private.module}.{private.name}, "
        f"which albert_lab/{private.used_in} uses"
    )
    try:
        thing = importlib.import_module(private.module)
        for part in private.name.split("."):
            thing = getattr(thing, part)
    except (ImportError, AttributeError):
        pytest.fail(message)


@pytest.mark.parametrize("private", INTERFACES, ids=lambda private: f"{private.library}: {private.name}")
def test_the_file_that_the_list_names_uses_it(private: Private) -> None:
    assert private.name.rpartition(".")[2] in (PACKAGE / private.used_in).read_text(encoding="utf-8")


def test_no_other_private_module_of_another_library_is_imported() -> None:
    listed = {(private.module, private.used_in) for private in INTERFACES}
    for path in PACKAGE.rglob("*.py"):
        file = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        for module in modules:
            hidden = any(part.startswith("_") and not part.startswith("__") for part in module.split("."))
            if hidden and not module.startswith("albert_lab"):
                assert (module, file) in listed, f"{file} imports {module}: add it to INTERFACES"
