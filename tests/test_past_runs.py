"""A run trained, run again by force, and removed with its MLflow run."""

import shutil
from pathlib import Path

from mlflow import MlflowClient

from tests.lab import Lab, folder_of, losses_of


def mlflow_runs(runs: Path) -> int:
    client = MlflowClient(f"sqlite:///{runs}/mlflow.db")
    experiment = client.get_experiment_by_name("albert_lab")
    assert experiment is not None
    return len(client.search_runs([experiment.experiment_id]))


def test_a_run_can_be_run_again_and_removed_with_all_that_is_known_of_it(
    lab: Lab, small: list[str], tmp_path: Path
) -> None:
    command = ["pretrain", *small, "tracking=local"]
    folder = folder_of(lab(*command))
    losses = losses_of(folder)
    forced = lab(*command, "--force")
    assert folder_of(forced) == folder
    assert "the finished run is kept as" in forced.stderr
    kept = tmp_path / "runs/replaced/pretrain" / folder.name
    assert losses_of(kept) == losses_of(folder) == losses
    assert lab("runs").stdout.endswith("1 run: 1 finished\n")
    assert mlflow_runs(tmp_path / "runs") == 2

    copy = folder.with_name("copy-0123456789")  # a user's, with the tracking.json of the original
    shutil.copytree(folder, copy)
    assert lab("rm", "copy", "--yes").returncode == 0
    assert mlflow_runs(tmp_path / "runs") == 2

    refused = lab("rm", "all-E8")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert folder.exists()
    removed = lab("rm", "all-E8", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert not folder.exists()
    assert mlflow_runs(tmp_path / "runs") == 0
    assert not (tmp_path / "runs/.removed").exists()
    assert kept.exists()
