"""A setting that can't be costs exit code 2 and one line, before anything is prepared."""

import re
from pathlib import Path

import pytest

from albert_lab.cli.main import main
from albert_lab.runs import launch

SMALL = ["pretrain", "scale=smoke", "data=text", "data.files=[corpus.txt]", "tokenizer.vocab_size=100", "tracking=none"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALBERT_LAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "corpus.txt").write_text("One sentence.\nTwo sentences.\n\nThree sentences.\n")
    return tmp_path


def run_mistake(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the command says; its exit code is 2."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    *before, line = said.err.strip().splitlines()
    assert not before or "--multirun" in arguments  # Hydra says which job it launches
    return line


SETTINGS = {
    "train.seed=-1": "train.seed=-1 must be at least 0",
    "train.seed=100000000000000000000": "train.seed=1.* must be at most 9223372036854775807",
    "train.batch_size=1000000000": "train.batch_size=1000000000 must be at most 1048576",
    "train.validate_every_steps=0": "train.validate_every_steps=0 must be at least 1",
    "trainer.checkpoint_every_steps=0": "trainer.checkpoint_every_steps=0 must be at least 1",
    "trainer.workers=-1": "trainer.workers=-1 must be at least 0",
    "trainer.log_every_steps=0": "trainer.log_every_steps=0 must be at least 1",
    "trainer.accelerator=gpus": "no trainer.accelerator=gpus; did you mean 'gpu'",
    "tracking.port=99999": "tracking.port=99999 must be between 1 and 65535; nearest: 65535",
    "optimizer.decay_power=nan": "optimizer.decay_power=nan must be at least 0 and finite, as in",
    "optimizer.beta1=-0.9": "optimizer.beta1=-0.9 must be at least 0 and below 1, as in optimizer.beta1=0.9",
    "model.num_hidden_layers=1000000000": "model.num_hidden_layers=1000000000 must be at most 10000",
    "sharing=groups sharing.num_hidden_groups=1000000000": "sharing.num_hidden_groups=1000000000 must be at most",
    "model.hidden_size=${nope}": "model.hidden_size: .*'nope' not found",
    "model.hidden_size=${model.hidden_size}": "model.hidden_size: Recursive interpolation",
    "model.hidden_size=${oc.env:NOT_SET}": "model.hidden_size: .*'NOT_SET' not found",
    "paths.runs=${nope}": "'nope' not found",
    "trainer=ddp trainer.devices=1024 train.batch_size=1024": "trainer.devices=1024 must be at most 128",
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_an_impossible_setting_costs_one_line(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(SETTINGS[setting], run_mistake([*SMALL, *setting.split()], capsys))
    assert not Path("runs").exists()


@pytest.mark.parametrize("key", ["paths.runs", "paths.cache"])
@pytest.mark.parametrize(
    "path", ["/proc/nowhere", "dangling", "corpus.txt/below", "x" * 300, "/".join(["x" * 200] * 30)]
)
@pytest.mark.parametrize("flags", [[], ["--multirun"]], ids=["one run", "multirun"])
def test_an_unusable_folder_is_named_by_its_setting(
    key: str, path: str, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dangling").symlink_to("nowhere/at/all")
    line = run_mistake([*SMALL, f"{key}={path}", *flags], capsys)
    assert line.startswith(f"albert-lab: {key}=")
    assert "can't be used (" in line


@pytest.mark.parametrize("verb", ["report", "dashboard"])
def test_a_path_that_is_too_long_is_no_traceback_where_runs_are_read(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "can't be used (File name too long" in run_mistake([verb, "paths.runs=" + "x" * 300], capsys)


def test_a_gpu_is_asked_for_in_vain_before_anything_is_prepared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "has_gpu_driver", lambda: False)
    line = run_mistake([*SMALL, "trainer.accelerator=gpu"], capsys)
    assert "trainer.accelerator=gpu: this machine has no GPU driver; take trainer.accelerator=auto or cpu" in line
    assert not Path("runs").exists()
    assert not Path("cache/stores").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("train: [1, 2\nmodel: {", r"while parsing a flow sequence in .*scale/mine.yaml\", line 1"),
        (
            "# @package _global_\ntask: {name: docstring_packages}",
            "scale/mine.yaml sets task, which pretrain doesn't have",
        ),
    ],
)
def test_a_yaml_of_ones_own_that_does_not_fit_costs_one_line(
    content: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scale").mkdir()
    (tmp_path / "scale" / "mine.yaml").write_text(content)
    assert re.search(says, run_mistake(["pretrain", "--config-dir", str(tmp_path), "scale=mine"], capsys))
