"""What run folders say of themselves, whatever is in them."""

import json
from pathlib import Path

import pytest

from albert_lab.config.compose import save
from albert_lab.errors import UserError
from albert_lab.runs.catalog import State, find_run, list_runs, read_history, read_run, shorten_names, split_name
from albert_lab.runs.folder import RunFolder, list_finished_runs, move_aside
from albert_lab.storage.locks import lock
from tests.lab import composed
from tests.synthetic_runs import record


def finished(runs: Path, name: str = "all-E16-H96-L6-seed-0-0123456789", seed: int = 0) -> Path:
    folder = runs / "pretrain" / name
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(record("all", 16, seed)))
    return folder


def unfinished(runs: Path, name: str = "none-E16-H96-L6-seed-0-0123456789") -> Path:
    folder = runs / "pretrain" / name
    save(composed("scale=smoke", "train.budget.steps=40"), folder / "config.yaml")
    return folder


def test_a_run_is_finished_running_failed_or_stopped(tmp_path: Path) -> None:
    assert read_run(finished(tmp_path)).state is State.finished
    folder = unfinished(tmp_path)
    (folder / "checkpoints" / "step-20").mkdir(parents=True)
    (folder / "checkpoints" / "step-x").touch()
    assert read_run(folder).description == "stopped 20/40"
    (folder / "failure.txt").write_text("out of memory\nmore")
    assert (read_run(folder).description, read_run(folder).reason) == ("failed 20/40", "out of memory")
    (folder / "metrics.jsonl").write_text('{"step": 31, "metrics": {}}\n{"step": 35, "met')
    with lock(folder / "run", "it"):
        assert read_run(folder).description == "running 31/40"
    assert read_run(folder).state is State.failed


def test_tokens_give_the_number_of_steps_and_seconds_give_none(tmp_path: Path) -> None:
    budgets = {"tokens=10000": 10, "seconds=5": None}
    for budget, steps in budgets.items():
        key = "train.budget." + budget
        save(composed("scale=smoke", "train.budget.steps=null", key), tmp_path / "config.yaml")
        assert read_run(tmp_path).total_steps == steps


DAMAGE = {
    "empty record": ("result.json", b"", "result.json is not JSON"),
    "torn record": ("result.json", b'{"config": {', "result.json is not JSON"),
    "a list": ("result.json", b"[]", "a list where a JSON object"),
    "without figures": ("result.json", b'{"started": "2026-01-01", "config": {}}', "lacks 'training'"),
    "figures of another type": ("result.json", b'{"started": 1, "config": {}}', "is not a run's record"),
    "empty settings": ("config.yaml", b"", "holds no settings"),
    "no YAML": ("config.yaml", b"a: [", "config.yaml can't be read"),
    "binary settings": ("config.yaml", b"\x00\xff", "config.yaml can't be read"),
    "nothing": ("run.lock", b"", "no config.yaml"),
}


@pytest.mark.parametrize(("file", "content", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_listed_with_its_reason(file: str, content: bytes, reason: str, tmp_path: Path) -> None:
    folder = tmp_path / "pretrain" / "all"
    folder.mkdir(parents=True)
    (folder / file).write_bytes(content)
    (tmp_path / "pretrain" / "stray.txt").touch()
    damaged, stray = sorted(list_runs(tmp_path), key=lambda run: run.name)
    assert damaged.state is stray.state is State.damaged
    assert reason in damaged.reason


def test_runs_are_listed_newest_first_with_their_figures(tmp_path: Path) -> None:
    for seed in (0, 2, 1):
        finished(tmp_path, f"all-E16-H96-L6-seed-{seed}-0123456789", seed)
    found = list_runs(tmp_path)
    assert [run.settings["train.seed"] for run in found] == [2, 1, 0]
    assert found[0].row()["validation/mlm_tokens"] == 5120


def test_a_run_is_found_by_folder_name_or_beginning(tmp_path: Path) -> None:
    first, second = "all-E16-H96-L6-seed-1-0123456789", "all-E16-H96-L6-seed-10-abcdef0123"
    for name in (first, second):
        finished(tmp_path, name)
    for word in (str(tmp_path / "pretrain" / first), first, "all-E16-H96-L6-seed-1", "all E16 H96 L6 seed 1", "0123"):
        assert find_run(word, tmp_path).name == first
    assert find_run("all-E16-H96-L6-seed-10", tmp_path).name == second
    with pytest.raises(UserError, match="any of 2 runs"):
        find_run("all-E16", tmp_path)
    with pytest.raises(UserError, match="did you mean 'all-E16-H96-L6-seed-1"):
        find_run("al-E16-H96-L6-seed-1", tmp_path)
    with pytest.raises(UserError, match="holds none"):
        find_run("all", tmp_path / "nowhere")


def test_the_short_name_of_a_run_finds_it_again(tmp_path: Path) -> None:
    names = ["all-E16-seed-0-aaaaaaaaaa", "all-E16-seed-0-aaaabbbbbb", "all-E16-seed-00-aaaaaaaaaa", "stray.txt"]
    for name in names:
        finished(tmp_path, name)
    short = shorten_names(names)
    assert short["stray.txt"] == "stray.txt"
    assert all(find_run(short[name], tmp_path).name == name for name in names)
    assert short["all-E16-seed-00-aaaaaaaaaa"] == "all-E16-seed-00"


def test_a_fingerprint_is_told_from_the_rest_of_a_name() -> None:
    assert split_name("all-E16-seed-0-0123456789") == ("all-E16-seed-0", "0123456789")
    assert split_name("all-E16-seed-0") == ("all-E16-seed-0", "")


def test_damaged_lines_of_a_history_are_left_out(tmp_path: Path) -> None:
    whole = '{"step": 1, "metrics": {"train/mlm_loss": 7.5, "x": null}}'
    (tmp_path / "metrics.jsonl").write_bytes(f'{whole}\n\x00\n[1]\n{{"step": 2, "metr'.encode())
    assert read_history(RunFolder(tmp_path)) == {"train/mlm_loss": [(1, 7.5)]}


def test_a_run_moved_aside_is_whole_and_not_found_where_runs_are_looked_for(tmp_path: Path) -> None:
    kept = [move_aside(RunFolder(finished(tmp_path)), tmp_path / "replaced") for _ in range(2)]
    assert [path.name for path in kept] == ["all-E16-H96-L6-seed-0-0123456789", "all-E16-H96-L6-seed-0-0123456789.2"]
    assert all(RunFolder(path).record() for path in kept)
    assert list_runs(tmp_path) == list(list_finished_runs(tmp_path)) == []
