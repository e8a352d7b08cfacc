"""What `albert-lab doctor` looks at: machine, packages, folders, MLflow's database, the hub.

Loads neither torch nor MLflow: their versions and files say enough.
"""

import importlib.util
import os
import platform
import re
import shutil
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from albert_lab import __version__
from albert_lab.config.folders import CONSTRAINTS_FILE, user_cache
from albert_lab.report.formatting import format_bytes
from albert_lab.runs.catalog import State, list_runs
from albert_lab.runs.machine import describe_cpu, gpu_name, has_gpu_driver

PROJECT = "albert-lab"
LEAST_FREE_BYTES = 2e9  # of a disk, before a warning: a run of the paper's size keeps checkpoints of 140 MB to 2.8 GB
MOST_COUNTED_FILES = 100_000  # of a cache
HUB = ("huggingface.co", 443)
HUB_SECONDS = 1.0
TABLES_OF_MLFLOW = {"alembic_version", "experiments", "runs", "metrics"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["works", "lacks", "broken"]  # lacks: something optional isn't there; broken: training can't work
    text: str
    mend: str = ""  # the command or the setting


def check_all(runs: Path, cache: Path | None) -> Iterator[Finding]:
    cache = cache or Path(os.environ.get("ALBERT_LAB_CACHE") or user_cache())
    yield check_system()
    yield check_python()
    yield check_memory()
    yield check_gpu()
    yield check_compiler()
    yield from check_packages()
    yield check_constraints()
    yield check_folder("runs", "paths.runs", runs)
    yield check_folder("cache", "paths.cache", cache)
    yield check_folder(
        "hub's cache", "HF_HOME", Path(os.environ.get("HF_HOME") or user_cache().with_name("huggingface"))
    )
    yield check_runs(runs)
    yield check_mlflow(runs.absolute() / "mlflow.db")
    yield check_hub()


def check_system() -> Finding:
    text = f"{platform.system()} {platform.release()}, {describe_cpu()} ({os.cpu_count()} in the machine)"
    if sys.platform.startswith("linux"):
        return Finding("system", "works", text)
    return Finding("system", "broken", f"{text}: models and tokenizers work, training needs Linux", "use WSL or Docker")


def check_python() -> Finding:
    text = f"Python {platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "works", text)
    return Finding(
        "python", "broken", f"{text}; 3.11 to 3.13 are supported", "make a virtual environment with one of these"
    )


def check_memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    text = f"{format_bytes(memory.available)} of {format_bytes(memory.total)} available"
    if memory.available >= 1e9:
        return Finding("memory", "works", text)
    return Finding("memory", "lacks", f"{text}; a small run takes about 0.5 GB", "end other programs, or study.jobs=1")


def check_gpu() -> Finding:
    """What the driver calls the GPU, and for which GPUs PyTorch was built: read from a file of it."""
    built_for = _torch_build()
    if not has_gpu_driver():
        return Finding("gpu", "lacks", f"no driver: runs take the CPU (PyTorch is built for {built_for})")
    name = gpu_name() or "a GPU"
    if built_for == "CPUs":
        return Finding("gpu", "lacks", f"{name}, but PyTorch is built for CPUs", "pip install --force-reinstall torch")
    return Finding("gpu", "works", f"{name}; PyTorch is built for {built_for}")


def _torch_build() -> str:
    found = importlib.util.find_spec("torch")
    file = Path(found.origin).with_name("version.py") if found and found.origin else None
    content = file.read_text(encoding="utf-8") if file and file.is_file() else ""
    for kind in ("cuda", "hip"):
        if built := re.search(rf"^{kind}\b[^=\n]*= '([\d.]+)", content, re.MULTILINE):
            return f"{'CUDA' if kind == 'cuda' else 'ROCm'} {built[1]}"
    return "CPUs"


def check_compiler() -> Finding:
    found = next((path for name in ("g++", "clang++", "c++") if (path := shutil.which(name))), None)
    if found:
        return Finding("compiler", "works", f"{found}, for trainer.compile=true")
    return Finding("compiler", "lacks", "no C++ compiler; only trainer.compile=true needs one", "apt-get install g++")


def check_packages() -> Iterator[Finding]:
    """The versions of all that the package asks for, against its bounds; then what is installed of the extras."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in requires(PROJECT) or []]
    except PackageNotFoundError:
        yield Finding("packages", "broken", f"albert_lab {__version__} runs, but isn't installed", "pip install -e .")
        return
    needed = [requirement for requirement in wanted if not (requirement.marker and "extra" in str(requirement.marker))]
    wrong = [
        f"{requirement.name} {_version(requirement.name) or 'is missing'} (needs {requirement.specifier or 'any'})"
        for requirement in needed
        if not requirement.specifier.contains(_version(requirement.name) or "0", prereleases=True)
        or _version(requirement.name) is None
    ]
    shown = ", ".join(
        f"{name} {_version(name)}" for name in ("torch", "lightning", "hydra-core", "deepspeed", "mlflow")
    )
    if wrong:
        yield Finding("packages", "broken", ", ".join(wrong), _install_command(""))
    else:
        yield Finding("packages", "works", f"albert_lab {__version__}, {shown} and {len(needed) - 5} more, as required")
    for extra, use in (("onnx", "exporting to ONNX"), ("notebooks", "running analysis/*.ipynb")):
        members = [r for r in wanted if r.marker and f'extra == "{extra}"' in str(r.marker).replace("'", '"')]
        missing = [r.name for r in members if _version(r.name) is None]
        if missing:
            yield Finding(
                extra, "lacks", f"{', '.join(missing)} not installed: for {use}", _install_command(f"[{extra}]")
            )
        elif members:
            yield Finding(extra, "works", ", ".join(f"{r.name} {_version(r.name)}" for r in members))


def _install_command(extra: str) -> str:
    where = f"-c {CONSTRAINTS_FILE.name} -e '.{extra}'" if CONSTRAINTS_FILE.is_file() else f"'{PROJECT}{extra}'"
    return f"{sys.executable} -m pip install {where}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_constraints() -> Finding:
    """A difference can't be called wrong: other versions are within the bounds, but these are the tested ones."""
    if not CONSTRAINTS_FILE.is_file():
        return Finding("constraints", "works", "no constraints.txt here: the package is installed without its source")
    pins = re.findall(r"^([\w.-]+)==([\w.+!-]+)", CONSTRAINTS_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    found = [(name, pinned, _version(name)) for name, pinned in pins]
    other = [
        f"{n} {have} (pinned: {pin})"
        for n, pin, have in found
        if have and have.partition("+")[0] != pin.partition("+")[0]
    ]
    if not other:
        return Finding("constraints", "works", "what is installed has the versions of constraints.txt")
    more = f" and {len(other) - 3} more" if len(other) > 3 else ""
    return Finding("constraints", "lacks", f"other versions: {', '.join(other[:3])}{more}", _install_command(""))


def check_folder(name: str, key: str, folder: Path) -> Finding:
    """Its size, the disk's free space, and whether it can be written."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    size, is_whole = measure_folder(folder)
    text = f"{folder}: {'' if is_whole else 'over '}{format_bytes(size)}, {format_bytes(free)} free on its disk"
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding(name, "broken", f"{text}; it can't be written", f"set {key}= to a folder where you may write")
    if free < LEAST_FREE_BYTES:
        return Finding(name, "lacks", text, f"free some space, or set {key}= to a folder on another disk")
    return Finding(name, "works", text)


def measure_folder(folder: Path) -> tuple[int, bool]:
    """Bytes of its files, and whether all were counted."""
    size = counted = 0
    for root, _, files in os.walk(folder):
        for file in files:
            counted += 1
            try:
                size += os.lstat(os.path.join(root, file)).st_size
            except OSError:
                continue
        if counted > MOST_COUNTED_FILES:
            return size, False
    return size, True


def check_runs(runs: Path) -> Finding:
    found = list_runs(runs)
    counts = [f"{n} {state.value}" for state in State if (n := sum(run.state is state for run in found))]
    damaged = [run.name for run in found if run.state is State.damaged]
    if damaged:
        return Finding("past runs", "lacks", ", ".join(counts), f"albert-lab rm {damaged[0]}")
    return Finding("past runs", "works", ", ".join(counts) or "none yet")


def check_mlflow(database: Path) -> Finding:
    if not database.exists():
        return Finding("mlflow", "works", "no database yet; the first run makes it")
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)) as opened:
            verdict = opened.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if verdict == ("ok",) and tables >= TABLES_OF_MLFLOW:
                (count,) = opened.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'").fetchone()
                return Finding(
                    "mlflow", "works", f"{database.name}: {format_bytes(database.stat().st_size)}, {count} runs"
                )
    except sqlite3.OperationalError as error:
        return Finding("mlflow", "lacks", f"{database}: {error}", "albert-lab doctor, once nothing writes to it")
    except sqlite3.DatabaseError:
        pass
    return Finding(
        "mlflow", "lacks", f"{database} is damaged", "any run sets it aside and makes it again from the folders"
    )


def check_hub() -> Finding:
    """Only `data=hub`, `data=wikitext` and checkpoints by name need the hub."""
    needs = "only data and checkpoints named on it need it"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return Finding("hub", "lacks", f"HF_HUB_OFFLINE is set; {needs}", "unset HF_HUB_OFFLINE")
    if within_seconds(HUB_SECONDS, lambda: socket.create_connection(HUB, HUB_SECONDS).close()):
        return Finding("hub", "works", f"{HUB[0]} answers")
    return Finding(
        "hub",
        "lacks",
        f"{HUB[0]} can't be reached; {needs}",
        "behind a proxy set HTTPS_PROXY, or HF_ENDPOINT for a mirror",
    )


def within_seconds(seconds: float, action: Callable[[], object]) -> bool:
    """Whether `action` succeeds in time; looking up a name has no time limit of its own."""
    succeeded = threading.Event()

    def attempt() -> None:
        try:
            action()
        except OSError:
            return
        succeeded.set()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return succeeded.is_set()
