"""`albert-lab runs` in a terminal: what it lists, in which order, and how wide."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from albert_lab.cli import runs as verb
from albert_lab.cli.main import main
from albert_lab.runs.catalog import list_runs
from tests.synthetic_runs import record


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight finished runs, a damaged one and a failed one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for scheme in ("all", "attention", "ffn", "none"):
        for seed in (0, 1):
            made = record(scheme, 16, seed)
            folder = tmp_path / "runs/pretrain" / f"{made['name'].replace(' ', '-')}-{made['fingerprint'][:10]}"
            folder.mkdir(parents=True)
            (folder / "result.json").write_text(json.dumps(made))
    (tmp_path / "runs/pretrain/torn").mkdir()
    failed = tmp_path / "runs/pretrain/all-E16-H96-L6-seed-7-0123456789"
    failed.mkdir()
    (failed / "config.yaml").write_text("verb: pretrain\ntrain: {seed: 7, budget: {steps: 40}}\n")
    (failed / "failure.txt").write_text(f"the loss is not finite at step 5: try {'a lower learning rate ' * 9}\n")
    return tmp_path / "runs"


def test_every_run_is_listed_within_the_terminal(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert "none-E16-H96-L6-seed-1" in out
    assert "the loss is not finite" in out
    assert "torn: no config.yaml" in out
    assert out.endswith("10 runs: 8 finished, 1 failed, 1 damaged\n")


def test_sorting_puts_the_best_first_and_best_leaves_the_others_out(runs: Path) -> None:
    found = list_runs(runs)
    by_accuracy, by_loss = (verb.choose(found, [], None, key, False) for key in ("mlm_accuracy", "mlm_loss"))
    assert by_accuracy == by_loss
    assert by_accuracy[0].settings["sharing.scheme"] == "none"
    assert verb.choose(found, [], None, None, True) == by_accuracy[:1]
    fewest = verb.choose(found, [], None, "parameters", True)
    assert [run.settings["sharing.scheme"] for run in fewest] == ["all"]


def test_filters_name_settings_and_states(runs: Path) -> None:
    found = list_runs(runs)
    assert len(verb.choose(found, ["sharing=ffn"], None, None, False)) == 2
    assert len(verb.choose(found, ["sharing=ffn", "train.seed=1"], None, None, False)) == 1
    assert [run.settings["train.seed"] for run in verb.choose(found, [], "failed", None, False)] == [7]


MISTAKES = {
    "setting": (["shring=all"], "did you mean 'sharing'"),
    "measure": (["--sort", "mlm_los"], "did you mean 'mlm_loss'"),
    "state": (["--status", "broken"], "choose from"),
    "folder": (["paths.runs=nowhere"], "no such folder"),
    "word": (["ffn"], "not KEY=VALUE"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_costs_one_line(
    arguments: list[str], message: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_csv_has_every_setting_and_figure(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 10
    assert {"model.embedding_size", "memory_bytes/peak", "validation/mlm_loss", "reason"} <= set(rows[0])


def test_listing_imports_neither_torch_nor_pandas_nor_mlflow(runs: Path) -> None:
    probe = (
        "import sys; from albert_lab.cli.main import main; main(['runs']); "
        "print({'torch', 'pandas', 'mlflow', 'hydra', 'lightning', 'matplotlib'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=runs.parent, check=True)
    assert result.stdout.endswith("set()\n")
