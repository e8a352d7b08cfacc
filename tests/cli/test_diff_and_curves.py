"""Two runs apart, and learning curves, within the width of a terminal."""

import json
from pathlib import Path

import pytest

from albert_lab.cli.curves import make_bars
from albert_lab.cli.main import main
from tests.synthetic_runs import record


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for scheme in ("all", "none"):
        folder = tmp_path / "runs/pretrain" / f"{scheme}-E16-seed-0-0123456789"
        folder.mkdir(parents=True)
        made = record(scheme)
        made["config"]["data"]["files"] = [f"{scheme}/a/rather/long/path/{number}.txt" for number in range(9)]
        (folder / "result.json").write_text(json.dumps(made))
        points = [{"step": s, "metrics": {"train/mlm_loss": 7.5 - s / 50, "train/tokens": s}} for s in range(1, 9)]
        points.append({"step": 8, "metrics": {"validation/mlm_loss": 7.2, "validation/mlm_tokens": 99}})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points))
    return tmp_path / "runs"


def test_only_what_differs_is_shown(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "all", "none"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert "sharing.scheme" in out
    assert "+378.8 %" in out, "parameters/unique"
    assert "model.hidden_size" not in out
    assert "parameters/applied" not in out


def test_a_run_does_not_differ_from_itself(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "all", "all"]) == 0
    out = capsys.readouterr().out
    assert "No setting differs." in out
    assert "No result differs." in out


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_curves_are_drawn_and_the_picture_is_the_last_line(
    ending: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["curves", "all", "none", "--out", f"mine.{ending}"]) == 0
    out = capsys.readouterr().out
    assert Path(out.splitlines()[-1]).read_bytes().startswith(b"\x89PNG" if ending == "png" else b"<?xml")
    assert "validation/mlm_loss" in out
    assert "tokens" not in out
    assert max(map(len, out.splitlines())) <= 100


MISTAKES = {
    "one run": (["diff", "all"], "compares two runs"),
    "unknown run": (["diff", "all", "nome-E16-seed-0"], "did you mean 'none-E16-seed-0'"),
    "unknown metric": (["curves", "all", "--metric", "mlm_los"], "did you mean 'mlm_loss'"),
    "format": (["curves", "all", "--out", "a.bmp"], ".png, .svg"),
    "no run": (["curves"], "which runs"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_costs_one_line(
    arguments: list[str], message: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_bars_run_from_the_lowest_to_the_highest_value() -> None:
    assert make_bars([(1, 3.0), (2, 2.0), (3, 1.0)]) == "█▅▁"
    assert make_bars([(1, 2.0)]) == "▁"
    assert len(make_bars([(step, step % 7) for step in range(1000)])) == 24


def test_a_damaged_run_is_refused_with_its_reason(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "pretrain/torn").mkdir()
    assert main(["diff", "torn", "all"]) == 2
    assert "torn is damaged: no config.yaml" in capsys.readouterr().err
