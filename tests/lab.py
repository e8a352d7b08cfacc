"""The command line as a user runs it, what a run leaves behind, and a small made-up corpus."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from albert_lab.config.compose import from_hydra, register
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.schema import VERBS, PretrainConfig

ROOT = Path(__file__).parents[1]
# Real corpora and benchmarks for developing; a user's clone has none.
SHARED_DATA = Path(os.environ.get("ALBERT_LAB_SHARED_DATA", ROOT.parent / "shared" / "data"))

HANG_SECONDS = 600  # no test waits this long, on however slow a machine, unless something hangs

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


def compose_verb(verb: str, *overrides: str) -> Any:
    """The configuration that `albert-lab VERB` makes of these."""
    from hydra import compose, initialize_config_dir

    register()
    with initialize_config_dir(str(CONF_FOLDER)):
        return from_hydra(compose(verb, overrides=list(overrides)), VERBS[verb])


def composed(*overrides: str) -> PretrainConfig:
    """The configuration that `albert-lab pretrain` makes of these."""
    config = compose_verb("pretrain", *overrides)
    assert isinstance(config, PretrainConfig)
    return config


def lab_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "albert_lab", *arguments]


def lab_environment(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "ALBERT_LAB_CACHE": str(cache), **more}


def folder_of(result: subprocess.CompletedProcess[str]) -> Path:
    """The run's folder: the last line of standard output."""
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.splitlines()[-1])


def record_of(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / "result.json").read_text())
    assert isinstance(record, dict)
    return record


def losses_of(folder: Path, metric: str = "mlm_loss") -> dict[int, float]:
    """Training loss by step."""
    key = f"train/{metric}"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["metrics"][key] for line in lines if key in line["metrics"]}


def start(arguments: list[str], cwd: Path, cache: Path, verb: str = "pretrain") -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        lab_command(verb, *arguments),
        cwd=cwd, env=lab_environment(cache), start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_step(runs: Path, step: int, process: "subprocess.Popen[bytes]", metric: str = "mlm_loss") -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if any(max(losses_of(file.parent, metric), default=0) >= step for file in runs.rglob("metrics.jsonl")):
            return
        time.sleep(0.02)
