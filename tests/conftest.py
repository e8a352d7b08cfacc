"""Fixtures that every test may use: the command line, a cache for the session, a small corpus."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from albert_lab.runs import machine
from tests.lab import Lab, lab_command, lab_environment, made_up_text

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # a slow or busy machine fails no test


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first in either half of the tests: two processes begin with a half each and end on quick ones.

    Else one process sits idle at the end, beside a run of two minutes.
    """
    runs = [item for item in items if item.path.parent == Path(__file__).parent]
    others = [item for item in items if item.path.parent != Path(__file__).parent]
    first, second = runs[::2], runs[1::2]
    cut = len(items) // 2 - len(first)
    items[:] = [*first, *others[:cut], *second, *others[cut:]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole session, over all of its processes: vocabularies and stores are built once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "albert_lab_cache"


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels(cache: Path) -> None:
    """PyTorch's compiler keeps its kernels for this session alone: one made for another processor computes nonsense."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache / "compiled_kernels")


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


@pytest.fixture
def fake_machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`fake_machine(cpu_name="AMD EPYC", usable_cores=128)`: another machine for code in this process.

    `tests/fake_machine/sitecustomize.py` fakes one for a whole session and its child processes.
    """

    def fake(**facts: object) -> None:
        for name, value in facts.items():
            monkeypatch.setattr(machine, name, lambda value=value: value)

    return fake


@pytest.fixture
def small(corpus: Path) -> list[str]:
    """Overrides of a run that takes seconds, most of them imports."""
    return [
        "scale=smoke", "data=text", f"data.files=[{corpus}]", "data.max_documents=null", "tokenizer.vocab_size=100",
        "train.budget.steps=12", "train.validate_every_steps=6", "train.validation_samples=32",
        "optimizer.warmup_steps=2", "tracking=none", "trainer.accelerator=cpu", "trainer.threads=1",
    ]  # fmt: skip
