"""Runs as tables: from records and from MLflow alike."""

from pathlib import Path

import pandas as pd
import pytest

from albert_lab.errors import UserError
from albert_lab.report.frames import FIGURES, from_mlflow, from_records
from albert_lab.report.mlflow_runs import MlflowRuns
from albert_lab.report.summary import summarize
from tests.synthetic_runs import log_run, record, study_records

RECORDS = [item for cell in study_records().values() for item in cell]


def by_fingerprint(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("fingerprint").reset_index(drop=True)


def test_mlflow_and_records_give_the_same_table(store: str) -> None:
    pd.testing.assert_frame_equal(
        by_fingerprint(from_mlflow(store, study="table4")), by_fingerprint(from_records(RECORDS)), check_dtype=False
    )


def test_a_row_holds_the_records_figures_under_hydras_and_mlflows_names() -> None:
    row = from_records([record("none", 16, 3, sentence_accuracy=None)]).iloc[0]
    assert (row["sharing.scheme"], row["model.embedding_size"], row["train.seed"]) == ("none", 16, 3)
    assert row["parameters/unique"] == 632_000
    assert pd.isna(row["validation/sentence_accuracy"])
    assert set(FIGURES) <= set(row.index)
    assert not [key for key in row.index if key.startswith(("paths.", "tracking."))]


def test_a_run_that_a_second_study_uses_counts_once(store: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("albert_lab").experiment_id
    before = len(from_mlflow(store))
    parent = client.create_run(experiment, tags={"albert_lab.kind": "study", "albert_lab.study": "reuse"})
    log_run(client, experiment, RECORDS[0], {"mlflow.parentRunId": parent.info.run_id}, kind="cell")
    assert len(from_mlflow(store)) == before
    assert list(from_mlflow(store, study="reuse")["fingerprint"]) == [RECORDS[0]["fingerprint"]]


def test_a_history_is_found_by_fingerprint_and_by_name(store: str) -> None:
    item = RECORDS[0]
    curve = MlflowRuns(store).history(item["fingerprint"], "train/mlm_loss")
    assert list(curve["step"]) == [0, 100, 200, 300, 400]
    assert curve["value"].iloc[-1] == pytest.approx(6.3)
    pd.testing.assert_frame_equal(curve, MlflowRuns(store).history(item["name"], "train/mlm_loss"))


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with pytest.raises(UserError, match="no MLflow store at"):
        from_mlflow(f"sqlite:///{path}")
    assert not path.exists()


def test_a_mistyped_name_brings_the_nearest_one(store: str) -> None:
    with pytest.raises(UserError, match="did you mean 'albert_lab'"):
        from_mlflow(store, experiment="albert-lab")
    with pytest.raises(UserError, match="did you mean 'table4'"):
        from_mlflow(store, study="tabel4")
    with pytest.raises(UserError, match="did you mean 'all E48 H96 L6 seed 7'"):
        MlflowRuns(store).history("all E48 H96 L6 seed 8", "train/mlm_loss")
    with pytest.raises(UserError, match="did you mean 'train/mlm_loss'"):
        MlflowRuns(store).history("all E48 H96 L6 seed 7", "train/mlm_los")


def test_seeds_of_one_configuration_are_summarized_together() -> None:
    summaries = summarize(from_records(reversed(RECORDS)))
    assert [summary.label for summary in summaries[:3]] == ["all E16 H96 L6", "all E96 H96 L6", "attention E16 H96 L6"]
    assert len(summaries) == 8
    accuracy = summaries[1].average("validation/mlm_accuracy")
    expected = [item["validation"]["mlm_accuracy"] for item in RECORDS[:2]]
    assert accuracy is not None
    assert (accuracy.mean, accuracy.n) == (pytest.approx(sum(expected) / 2), 2)


def test_two_configurations_of_one_name_stay_apart() -> None:
    other = record("all", 16, 1)
    other["config"]["optimizer"]["learning_rate"] = 2e-3
    labels = [summary.label for summary in summarize(from_records([record("all", 16, 0), other]))]
    assert len(set(labels)) == 2


def test_memory_by_kind_adds_up_to_the_peak_above_the_floor() -> None:
    summary = summarize(from_records(RECORDS))[0]
    above, memory = summary.above_floor(), summary.memory()
    assert above is not None
    assert memory is not None
    assert sum(memory.values()) == pytest.approx(above.mean)
