"""Kills processes of runs at random moments: `python -m tests.faults.kill --count 100 [--seed 0] [--jobs 2]`.

Each trial starts a command, kills one process of its tree, waits until all of the tree is gone, runs the same command
to its end and compares what is left with a run that nobody touched.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.lab import HANG_SECONDS, lab_command, made_up_text

GONE_SECONDS = 10.0  # that the rest of a tree has to end after one of its processes was killed
MARK = "ALBERT_LAB_KILL_TRIAL"  # in the environment of every process of a trial
SMALL = [
    "scale=smoke", "data=text", "data.max_documents=null", "tokenizer.vocab_size=100", "trainer.accelerator=cpu",
    "train.budget.steps=40", "train.validate_every_steps=10", "train.validation_samples=32", "optimizer.warmup_steps=2",
    "trainer.threads=1", "trainer.checkpoint_every_steps=5", "trainer.log_every_steps=2", "trainer.progress_bar=false",
]  # fmt: skip
COMMANDS = {
    "single": ["trainer.workers=1"],
    "ddp": ["trainer=ddp", "trainer.devices=2"],
    "joblib": ["train.seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "--multirun"],
}
MOMENTS = {  # a kill comes soon after the first of these appears under a trial's folder; "any": at any time
    "vocabulary": "cache/vocabularies/.*.partial",
    "store": "cache/stores/.*.partial",
    "start": "runs/pretrain/*/config.yaml",
    "database": "runs/.mlflow.db.partial*",
    "log": "runs/pretrain/*/metrics.jsonl",
    "checkpoint": "runs/pretrain/*/checkpoints/partial-*",
    "saved": "runs/pretrain/*/checkpoints/step-*",
    "last": "runs/pretrain/*/checkpoints/step-40",
    "tracking": "runs/pretrain/*/tracking.json",
    "weights": "runs/pretrain/*/model.safetensors",
    "record": "runs/pretrain/*/result.json",
    "any": "",
}
SIGNALS = [signal.SIGKILL] * 6 + [signal.SIGTERM] * 2 + [signal.SIGINT]
STRAY = ("*.partial*", "partial-*", ".new_files.*", ".*.json.*", ".metrics.jsonl.*", ".*.yaml.*", "*-journal", "*-wal")

Results = dict[str, tuple[bytes, dict[str, Any], str]]  # by seed: weights, validation, what MLflow knows


@dataclass
class Trial:
    """One kill: which command, when, and what came of it."""

    seed: int
    command: str
    moment: str
    victim: str = "none"
    signal: str = ""
    failures: list[str] = field(default_factory=list)


class Tree:
    """The processes of one command, found by a mark in their environment."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.mark = str(folder)
        environment = {**os.environ, MARK: self.mark, "ALBERT_LAB_CACHE": str(folder / "cache")}
        environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TMPDIR": str(folder / "tmp")}
        self.log = open(folder / "output.txt", "ab")  # noqa: SIM115 (closed by the end of the trial)
        self.driver = subprocess.Popen(
            lab_command("pretrain", *arguments),
            cwd=folder, env=environment, start_new_session=True, stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def living(self) -> list[psutil.Process]:
        found = []
        wanted = f"{MARK}={self.mark}\0".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                if wanted in (entry / "environ").read_bytes() + b"\0":
                    process = psutil.Process(int(entry.name))
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
            except (OSError, psutil.Error):
                continue
        return found

    def wait_until_gone(self, seconds: float = GONE_SECONDS) -> list[str]:
        """What still lives after `seconds`; that is killed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.driver.poll()
            if not self.living():
                break
            time.sleep(0.1)
        left = [f"{process.pid} {role(process)}" for process in self.living()]
        for process in self.living():
            process.kill()
        self.driver.wait()
        self.log.close()
        return left


def role(process: psutil.Process) -> str:
    """What a process is in its tree."""
    try:
        command, environment = " ".join(process.cmdline()), process.environ()
        parent = process.parent()
        if "albert_lab.data.workers" in command:
            return "data worker"
        if "albert_lab.train.tracking" in command:
            return "sender"
        if "albert_lab.train" in command:
            if parent is not None and parent.cmdline() == process.cmdline():
                return "loader worker"
            return "rank" if "LOCAL_RANK" in environment else "training"
        if "torch.distributed" in command or "torchrun" in command:
            return "agent"
        if "resource_tracker" in command:
            return "tracker"
        if "loky" in command:
            return "joblib worker"
        return "driver" if "pretrain" in command else command[:60]
    except psutil.Error:
        return "gone"


def arguments_of(command: str, folder: Path) -> list[str]:
    return [*SMALL, f"data.files=[{folder / 'corpus.txt'}]", *COMMANDS[command]]


def prepare_folder(folder: Path) -> None:
    (folder / "tmp").mkdir(parents=True)
    (folder / "corpus.txt").write_text(made_up_text(300), encoding="utf-8")


def run_to_end(command: str, folder: Path) -> list[str]:
    """What is wrong with the command's end."""
    tree = Tree(folder, arguments_of(command, folder))
    try:
        code = tree.driver.wait(HANG_SECONDS)
    except subprocess.TimeoutExpired:
        left = [role(process) for process in tree.living()]
        tree.driver.kill()
        tree.wait_until_gone()
        return [f"the command did not end: {left}"]
    left = tree.wait_until_gone(HANG_SECONDS)
    return [f"left running after the end: {left}"] * bool(left) + [f"exit code {code}"] * bool(code)


def read_results(folder: Path) -> Results:
    """Of every run under `folder`; raises AssertionError where MLflow has not one whole run for each."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("albert_lab")
    assert experiment is not None, "MLflow has no experiment"
    tracked = client.search_runs([experiment.experiment_id])
    results: Results = {}
    runs = sorted(path.parent for path in (folder / "runs" / "pretrain").glob("*/config.yaml"))
    assert len(tracked) == len(runs), f"{len(tracked)} MLflow runs for {len(runs)} folders"
    for path in runs:
        record = json.loads((path / "result.json").read_text())
        (run,) = (run for run in tracked if run.data.tags["albert_lab.run"] == path.name)
        assert run.info.status == "FINISHED", f"MLflow run is {run.info.status}"
        lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        assert len({(line["step"], *line["metrics"]) for line in lines}) == len(lines), "metrics.jsonl has a step twice"
        curves = {}
        for key in sorted({key for line in lines for key in line["metrics"]}):
            points = client.get_metric_history(run.info.run_id, key)
            steps = [point.step for point in points]
            assert len(set(steps)) == len(steps), f"{key} has a step twice in MLflow"
            expected = {line["step"] for line in lines if line["metrics"].get(key) is not None}
            assert set(steps) >= expected, f"{key}: MLflow lacks steps {sorted(expected - set(steps))}"
            if not key.startswith("speed/"):
                curves[key] = sorted((point.step, point.value) for point in points)
        known = json.dumps(curves)
        results[path.name] = ((path / "model.safetensors").read_bytes(), record["validation"], known)
    return results


def compare(folder: Path, reference: Results) -> list[str]:
    try:
        results = read_results(folder)
    except Exception as error:  # whatever can't be read is a failure of the trial
        return [f"{type(error).__name__}: {error}"]
    failures = [] if set(results) == set(reference) else [f"runs {sorted(results)}, expected {sorted(reference)}"]
    for name in set(results) & set(reference):
        for what, ours, theirs in zip(("weights", "validation", "MLflow"), results[name], reference[name], strict=True):
            if ours != theirs:
                failures.append(f"{what} of {name} differ")
    stray = {path for pattern in STRAY for path in folder.rglob(pattern) if path.name != "mlflow.db"}
    failures += [f"stray {path.relative_to(folder)}" for path in sorted(stray)]
    return failures


def try_once(
    seed: int, base: Path, references: dict[str, Results], typical_seconds: dict[str, float], gone_seconds: float
) -> Trial:
    draw = random.Random(seed)
    trial = Trial(seed, draw.choice(list(references)), draw.choice(list(MOMENTS)))
    delay = draw.uniform(0, typical_seconds[trial.command]) if trial.moment == "any" else draw.expovariate(10)
    number, choice = draw.choice(SIGNALS), draw.random()
    folder = base / f"trial-{seed}"
    prepare_folder(folder)
    tree = Tree(folder, arguments_of(trial.command, folder))
    _wait_for(folder, MOMENTS[trial.moment], tree.driver)
    time.sleep(delay)
    alive = sorted(tree.living(), key=lambda process: process.pid)
    if alive and tree.driver.poll() is None:
        victim = alive[int(choice * len(alive))]
        trial.victim, trial.signal = role(victim), signal.Signals(number).name
        if (trial.victim, trial.command) == ("training", "ddp"):
            trial.victim = "agent"
        try:
            victim.send_signal(number)
        except psutil.NoSuchProcess:
            trial.victim = "none"
    helper = trial.victim in ("none", "data worker", "loader worker", "tracker", "sender")
    one_cell = (trial.command, trial.victim) == ("joblib", "training")  # its failure doesn't end the multirun
    if helper or one_cell or number is not signal.SIGKILL:  # the command may go on to its end, or finish what it does
        _wait_or_end(tree)
    trial.failures += [f"left running: {left}" for left in tree.wait_until_gone(gone_seconds)]
    if trial.victim == "driver" and number is signal.SIGTERM and tree.driver.returncode not in (143, -15):
        trial.failures.append(f"the driver ended with {tree.driver.returncode} after SIGTERM")
    trial.failures += run_to_end(trial.command, folder)
    trial.failures += compare(folder, references[trial.command])
    if not trial.failures:
        shutil.rmtree(folder)
    return trial


def _wait_for(folder: Path, pattern: str, driver: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while pattern and driver.poll() is None and time.monotonic() < deadline and not any(folder.glob(pattern)):
        time.sleep(0.005)


def _wait_or_end(tree: Tree) -> None:
    try:
        tree.driver.wait(HANG_SECONDS)
    except subprocess.TimeoutExpired:
        tree.driver.kill()


def make_references(base: Path, commands: Sequence[str]) -> tuple[dict[str, Results], dict[str, float]]:
    """What the commands leave when nobody touches them, and how long each takes."""
    references, seconds = {}, {}
    for command in commands:
        folder = base / f"reference-{command}"
        prepare_folder(folder)
        started = time.monotonic()
        failures = run_to_end(command, folder)
        seconds[command] = time.monotonic() - started
        assert not failures, (failures, (folder / "output.txt").read_text()[-2000:])
        references[command] = read_results(folder)
    return references, seconds


def run_trials(
    seeds: Sequence[int], base: Path, commands: Sequence[str], jobs: int, gone_seconds: float = GONE_SECONDS
) -> list[Trial]:
    references, seconds = make_references(base, commands)
    with ThreadPoolExecutor(jobs) as pool:
        trials = []
        for trial in pool.map(lambda seed: try_once(seed, base, references, seconds, gone_seconds), seeds):
            print(trial, flush=True)
            trials.append(trial)
        return trials


def summarize(trials: Sequence[Trial]) -> str:
    """Kills by victim and moment, then the failures."""
    kills = Counter((trial.victim, trial.moment) for trial in trials)
    lines = [f"{'':<14}" + "".join(f"{moment:>11}" for moment in MOMENTS)]
    for victim in sorted({trial.victim for trial in trials}):
        lines.append(f"{victim[:13]:<14}" + "".join(f"{kills[victim, moment] or '':>11}" for moment in MOMENTS))
    lines += [f"failed: {trial}" for trial in trials if trial.failures]
    killed = sum(trial.victim != "none" for trial in trials)
    return "\n".join([*lines, f"{killed} kills, {sum(bool(trial.failures) for trial in trials)} failures"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial; the next ones count up")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--commands", nargs="+", choices=list(COMMANDS), default=list(COMMANDS))
    given = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="albert-lab-kill-"))
    print(f"folders of failed trials stay in {base}", file=sys.stderr)
    trials = run_trials(range(given.seed, given.seed + given.count), base, given.commands, given.jobs)
    print(summarize(trials))
    return int(any(trial.failures for trial in trials))


if __name__ == "__main__":
    sys.exit(main())
