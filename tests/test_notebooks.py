"""Every notebook runs from top to bottom on a store of made-up runs, and is committed without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from albert_lab.cost.estimate import CostEstimate
from albert_lab.cost.runs import rebuild_config
from albert_lab.report.frames import flatten
from tests.lab import HANG_SECONDS
from tests.synthetic_runs import Record, log_study, record

NOTEBOOKS = sorted((Path(__file__).parents[1] / "analysis").glob("*.ipynb"))


def counted(item: Record) -> Record:
    """With its model's own parameters: cost leaves a record blank that it counts differently."""
    counts = CostEstimate(rebuild_config(flatten(item))).parameters
    return item | {"parameters": {"unique": counts.unique, "applied": counts.applied}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    records = [counted(record(scheme, 16, seed)) for scheme in ("all", "none") for seed in (0, 1)]
    log_study(uri, (folder / "artifacts").as_uri(), records)
    return uri


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_without_error_and_draws(
    path: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALBERT_LAB_MLFLOW", store)
    monkeypatch.setenv("ALBERT_LAB_STUDY", "table4")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=HANG_SECONDS, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert not [text for output in outputs if "no run" in (text := output.get("data", {}).get("text/markdown", ""))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
