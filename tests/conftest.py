"""A small corpus made on the spot, and the command line run as a user would."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"  # real corpora for developing; a user's clone has none

Lab = Callable[..., subprocess.CompletedProcess[str]]

SYLLABLES = ("ba", "do", "ki", "lu", "men", "nor", "pa", "ri", "sol", "ta", "ver", "zu")


def made_up_text(documents: int, seed: int = 0) -> str:
    """Sentences of made-up words with Zipf-like frequencies: a sentence a line, a blank line between documents."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 3))) for _ in range(300)]
    weights = [1 / rank for rank in range(1, 301)]

    def sentence() -> str:
        return " ".join(draw.choices(words, weights, k=draw.randint(4, 14))).capitalize() + "."

    return "\n\n".join("\n".join(sentence() for _ in range(draw.randint(4, 16))) for _ in range(documents)) + "\n"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole session, over all of its processes: vocabularies and stores are built once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "albert_lab_cache"


@pytest.fixture(scope="session")
def corpus(cache: Path) -> Path:
    file = cache / "corpus.txt"
    cache.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        partial = cache / f"corpus.{os.getpid()}"
        partial.write_text(made_up_text(300))
        partial.replace(file)
    return file


@pytest.fixture
def lab(tmp_path: Path, cache: Path) -> Lab:
    """Runs `albert-lab ARGUMENTS` in `tmp_path`."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            lab_command(*arguments),
            cwd=tmp_path,
            env=lab_environment(cache, **environment),
            capture_output=True,
            text=True,
        )

    return run


def lab_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "albert_lab", *arguments]


def lab_environment(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "ALBERT_LAB_CACHE": str(cache), **more}


@pytest.fixture
def small(corpus: Path) -> list[str]:
    """Overrides of a run that takes seconds, most of them imports."""
    return [
        "scale=smoke", "data=text", f"data.files=[{corpus}]", "data.max_documents=null", "tokenizer.vocab_size=300",
        "train.budget.steps=12", "train.validate_every_steps=6", "train.validation_samples=32",
        "optimizer.warmup_steps=2", "tracking=none", "trainer.accelerator=cpu",
    ]  # fmt: skip


def folder_of(result: subprocess.CompletedProcess[str]) -> Path:
    """The run's folder: the last line of standard output."""
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.splitlines()[-1])


def record_of(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / "result.json").read_text())
    assert isinstance(record, dict)
    return record


def losses_of(folder: Path) -> dict[int, float]:
    """Training MLM loss by step."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["metrics"]["train/mlm_loss"] for line in lines if "train/mlm_loss" in line["metrics"]}


def start(arguments: list[str], cwd: Path, cache: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        lab_command("pretrain", *arguments),
        cwd=cwd, env=lab_environment(cache), start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_step(runs: Path, step: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(max(losses_of(file.parent), default=0) >= step for file in runs.rglob("metrics.jsonl")):
            return
        time.sleep(0.02)
