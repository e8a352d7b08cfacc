"""Many runs: multirun with both launchers, a study of the paper, a search; one failed cell never ends them."""

import csv
import json
from pathlib import Path

import optuna

from tests.lab import Lab, folder_of, record_of

STEPS = ["train.budget.steps=3", "train.validate_every_steps=3", "optimizer.warmup_steps=1"]


def test_a_multirun_trains_every_combination_and_reports_a_failed_one(lab: Lab, small: list[str]) -> None:
    result = lab("pretrain", "--multirun", *small, *STEPS, "sharing=all,none", "model.num_attention_heads=2,5")
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2
    lines = result.stderr.splitlines()
    assert any("[3/4 none num_attention_heads=2] trained in" in line and "2/4 finished" in line for line in lines)
    reasons = [line for line in lines[-2:] if "failed: " in line]
    assert [reason.split(":")[3] for reason in reasons] == [
        f" {n} num_attention_heads=5" for n in ("2/4 all", "4/4 none")
    ]
    assert all("not divisible by model.num_attention_heads=5" in reason for reason in reasons)


def test_the_joblib_launcher_runs_them_side_by_side(lab: Lab, small: list[str]) -> None:
    result = lab(
        "pretrain", "--multirun", *small, *STEPS, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2",
        "sharing=attention,ffn", "trainer.threads=1",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    schemes = {record_of(Path(line))["config"]["sharing"]["scheme"] for line in result.stdout.splitlines()}
    assert schemes == {"attention", "ffn"}


def test_a_study_runs_every_cell_with_every_seed_and_then_skips_them(lab: Lab, small: list[str]) -> None:
    arguments = ["table4", *small, *STEPS, "study.axes={model.embedding_size: [768], sharing: [all,none]}"]
    folder = folder_of(lab("reproduce", *arguments))
    rows = list(csv.DictReader((folder / "table.csv").open()))
    assert [row["cell"] for row in rows] == ["E=768 sharing=all", "E=768 sharing=none"]
    assert {row["parameters/unique n"] for row in rows} == {"2"}
    assert {row["downstream/docstring_packages/accuracy n"] for row in rows} == {"2"}
    second = lab("reproduce", *arguments)
    assert "4 runs, 4 of them finished" in second.stderr
    assert list(csv.DictReader((folder / "table.csv").open())) == rows
    page = (folder / "report.html").read_text()
    assert "<svg" in page
    assert "docstring packages: a probe" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_failed_cell_is_reported_and_the_others_run(lab: Lab, small: list[str], tmp_path: Path) -> None:
    arguments = ["table4", *small, *STEPS, "study.seeds=[0]", "study.axes={sharing: [all,none]}", "study.downstream=[]"]
    blocked = Path(lab("pretrain", *small, *STEPS, "sharing=none", "paths.runs=probe").stdout.strip())
    (tmp_path / "runs" / "pretrain").mkdir(parents=True)
    (tmp_path / "runs" / "pretrain" / blocked.name).write_text("a file where the run's folder should be")
    result = lab("reproduce", *arguments)
    assert result.returncode == 1
    failed = [row for row in csv.DictReader((folder_in(result.stdout) / "table.csv").open()) if "fail" in str(row)]
    assert len(failed) == 1
    assert "sharing=none" in str(failed[0])


def folder_in(output: str) -> Path:
    return Path(output.splitlines()[-1])


def test_the_search_asks_optuna_and_keeps_its_trials(lab: Lab, small: list[str], tmp_path: Path) -> None:
    small = [override for override in small if override != "tracking=none"]
    space = ["hydra.sweeper.params={sharing: 'choice(all,none)', model.embedding_size: 'choice(8,48)'}"]
    result = lab("pretrain", "--multirun", "study=search", *small, *STEPS, *space, "hydra.sweeper.n_trials=4")
    assert result.returncode == 0, result.stderr
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path}/runs/optuna.db")
    assert len(study.trials) == 4
    assert all(trial.state is optuna.trial.TrialState.COMPLETE for trial in study.trials)
    for trial, line in zip(study.trials, result.stdout.splitlines(), strict=True):
        record = json.loads((Path(line) / "result.json").read_text())
        assert trial.values == [record["validation"]["mlm_accuracy"], record["parameters"]["unique"]]


def test_a_search_with_one_measure_takes_the_tasks_judge(lab: Lab, small: list[str], tmp_path: Path) -> None:
    space = ["hydra.sweeper.params={sharing: 'choice(all,none)'}", "hydra.sweeper.n_trials=1"]
    one = ["study.measures=null", "hydra.sweeper.direction=maximize"]
    result = lab("pretrain", "--multirun", "study=search", *small, *STEPS, *space, *one)
    assert result.returncode == 0, result.stderr
    (trial,) = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path}/runs/optuna.db").trials
    record = json.loads((Path(result.stdout.strip()) / "result.json").read_text())
    assert trial.value == record["validation"]["mlm_accuracy"]
