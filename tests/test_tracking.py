"""Every metric reaches MLflow in the end, under names that a person can read."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.lab import Lab, folder_of, losses_of, record_of

DOWN = "http://127.0.0.1:9"  # nothing listens on the discard port


@pytest.fixture
def tracked(small: list[str]) -> list[str]:
    return [*small, "tracking=local", "trainer.log_every_steps=2"]


def client_of(runs: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{runs}/mlflow.db")


def runs_of(client: MlflowClient) -> dict[str, list]:
    experiment = client.get_experiment_by_name("albert_lab")
    found: dict[str, list] = {}
    for run in client.search_runs([experiment.experiment_id]):
        found.setdefault(run.data.tags["albert_lab.kind"], []).append(run)
    return found


def test_a_run_and_its_curve_are_in_mlflow(lab: Lab, tracked: list[str], tmp_path: Path) -> None:
    folder = folder_of(lab("pretrain", *tracked))
    client = client_of(tmp_path / "runs")
    (run,) = runs_of(client)["run"]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "all E8 H48 L3 seed 0"
    assert run.data.params["model.embedding_size"] == "8"
    assert len(run.data.params) <= 40
    assert run.data.metrics["validation/mlm_loss"] == record_of(folder)["validation"]["mlm_loss"]
    curve = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "train/mlm_loss")}
    assert curve == losses_of(folder)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"config.yaml", "result.json"}


def test_training_goes_on_without_its_server_and_the_metrics_arrive_later(
    lab: Lab, tracked: list[str], tmp_path: Path
) -> None:
    result = lab("pretrain", *tracked, f"tracking.uri={DOWN}")
    folder = folder_of(result)
    assert f"MLflow at {DOWN} doesn't answer" in result.stderr
    assert losses_of(folder)
    again = lab("pretrain", *tracked)  # the same run, now with a store that answers
    assert folder_of(again) == folder
    (run,) = runs_of(client_of(tmp_path / "runs"))["run"]
    assert run.info.status == "FINISHED"
    curve = client_of(tmp_path / "runs").get_metric_history(run.info.run_id, "train/mlm_loss")
    assert {m.step: m.value for m in curve} == losses_of(folder)


def test_two_studies_that_share_cells_both_show_them(lab: Lab, tracked: list[str], tmp_path: Path) -> None:
    steps = ["train.budget.steps=2", "train.validate_every_steps=2", "optimizer.warmup_steps=1", "study.seeds=[0]"]
    steps += ["study.downstream=[]"]
    few = ["study.axes={sharing: [all], model.embedding_size: [128]}"]
    for study in ("table4", "table3"):
        result = lab("reproduce", study, *tracked, *steps, *few)
        assert result.returncode == 0, result.stderr
    found = runs_of(client_of(tmp_path / "runs"))
    assert {run.info.run_name for run in found["study"]} == {"study table3", "study table4"}
    assert len(found["run"]) == len(found["cell"]) == 1
    parents = {run.data.tags["mlflow.parentRunId"] for kind in ("run", "cell") for run in found[kind]}
    assert parents == {run.info.run_id for run in found["study"]}
    client = client_of(tmp_path / "runs")
    for parent in found["study"]:
        assert "\n| cell | " in parent.data.tags["mlflow.note.content"]
        assert parent.data.tags["albert_lab.best_cell"] == "all E8"
        assert parent.data.tags["albert_lab.varies"] == "model.embedding_size, sharing, train.seed"
        assert parent.data.metrics["validation/mlm_loss"] == found["run"][0].data.metrics["validation/mlm_loss"]
        assert parent.info.start_time <= found["run"][0].info.start_time
        assert parent.info.end_time == found["run"][0].info.end_time
        assert "report.html" in {file.path for file in client.list_artifacts(parent.info.run_id)}
