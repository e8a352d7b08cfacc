"""Whatever is killed or broken, MLflow has one run for each training, and each step of it once."""

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from albert_lab.config.compose import save
from albert_lab.config.schema import PretrainConfig
from albert_lab.runs.folder import RunFolder
from albert_lab.storage.files import write_json
from albert_lab.train.tracking import journal
from albert_lab.train.tracking.journal import Journal, MlflowSender
from albert_lab.train.tracking.mlflow_database import prepare_database
from tests.lab import composed
from tests.synthetic_runs import pretraining_metrics, record


@pytest.fixture(scope="session")
def whole_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("whole") / "mlflow.db"
    assert not prepare_database(file)
    assert [path.name for path in file.parent.iterdir()] == ["mlflow.db"]
    return file


@pytest.fixture
def config(tmp_path: Path, whole_database: Path) -> PretrainConfig:
    (tmp_path / "runs").mkdir()
    shutil.copy(whole_database, tmp_path / "runs/mlflow.db")  # creating one takes seconds
    return composed("scale=smoke", "tracking=local", f"paths.runs={tmp_path}/runs")


@pytest.fixture
def folder(config: PretrainConfig) -> RunFolder:
    return make_folder(config, "all-e16-1a2b3c")


def make_folder(config: PretrainConfig, name: str) -> RunFolder:
    folder = RunFolder(Path(config.paths.runs) / "pretrain" / name)
    save(config, folder.config)
    return folder


def log_steps(folder: RunFolder, steps: Iterable[int]) -> None:
    with open(folder.metrics, "a", encoding="utf-8") as file:
        for step in steps:
            line = {"step": step, "time": 1.5e9 + step, "metrics": {"train/mlm_loss": 7 - step / 8}}
            file.write(json.dumps(line) + "\n")


def send(folder: RunFolder, config: PretrainConfig, finished: bool = False) -> None:
    """Sends as a new process does."""
    assert MlflowSender(folder, config, pretraining_metrics()).send(finished)


def runs_of(config: PretrainConfig) -> tuple[MlflowClient, list[Run]]:
    client = MlflowClient(f"sqlite:///{config.paths.runs}/mlflow.db")
    experiment = client.get_experiment_by_name("albert_lab")
    assert experiment is not None
    return client, list(client.search_runs([experiment.experiment_id]))


def test_steps_logged_again_after_a_kill_are_in_mlflow_once(folder: RunFolder, config: PretrainConfig) -> None:
    log_steps(folder, range(1, 6))
    send(folder, config)
    Journal(folder, config, pretraining_metrics()).rewind(3)
    log_steps(folder, range(4, 9))
    send(folder, config)
    send(folder, config)
    client, (run,) = runs_of(config)
    points = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "train/mlm_loss")]
    assert sorted(points) == [(step, 7 - step / 8) for step in range(1, 9)]


def test_a_run_whose_id_was_not_kept_is_found_again(folder: RunFolder, config: PretrainConfig) -> None:
    send(folder, config)
    folder.tracking.unlink()
    send(folder, config)
    _, (run,) = runs_of(config)
    assert run.data.params["model.embedding_size"] == str(config.model.embedding_size)


def test_figures_of_the_last_step_are_in_mlflow_once(folder: RunFolder, config: PretrainConfig) -> None:
    result = record()
    figures = {f"validation/{name}": value for name, value in result["validation"].items()}
    line = {"step": result["training"]["steps"], "time": 1.5e9, "metrics": figures}
    folder.metrics.write_text(json.dumps(line) + "\n", encoding="utf-8")
    write_json(folder.result, result)
    send(folder, config, finished=True)
    client, (run,) = runs_of(config)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["training/tokens"] == result["training"]["tokens"]
    for name, value in figures.items():
        (point,) = client.get_metric_history(run.info.run_id, name)
        assert point.value == value


def truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def drop_the_runs(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE runs")


def go_back_a_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, drop_the_runs, go_back_a_version, empty])
def test_a_broken_database_is_set_aside_and_finished_runs_are_sent_again(
    config: PretrainConfig, folder: RunFolder, damage: Callable[[Path], None]
) -> None:
    finished = make_folder(config, "none-e16-4d5e6f")
    write_json(finished.result, record())
    database = Path(config.paths.runs) / "mlflow.db"
    uri = f"sqlite:///{database}"
    write_json(finished.tracking, {"uri": uri, "run_id": "lost", "complete": True})
    damage(database)
    send(folder, config)
    _, runs = runs_of(config)
    assert {run.data.tags["albert_lab.run"]: run.info.status for run in runs} == {
        folder.path.name: "RUNNING",
        finished.path.name: "FINISHED",
    }
    assert len(list(database.parent.glob("mlflow.db.broken-*"))) == 1


def test_a_whole_database_is_kept(whole_database: Path) -> None:
    before = whole_database.read_bytes()
    assert not prepare_database(whole_database)
    assert whole_database.read_bytes() == before


def test_a_server_that_never_answers_stops_neither_training_nor_its_end(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "LONGEST_END_SECONDS", 0.1)
    monkeypatch.setattr(journal, "FLUSH_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        config = composed("scale=smoke", "tracking=local", f"tracking.uri={uri}", f"paths.runs={tmp_path}/runs")
        training = Journal(folder, config, pretraining_metrics())
        training.log_metrics({"train/mlm_loss": 7.0}, 1)
        connection, _ = server.accept()  # MLflow waits for an answer from now on
        training.log_metrics({"train/mlm_loss": 6.9}, 2)
        training.close(finished=False)
        connection.close()
    assert f"MLflow at {uri} takes too long" in caplog.text
    assert len(folder.metrics.read_text(encoding="utf-8").splitlines()) == 2
