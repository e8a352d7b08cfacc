"""What a run's folder holds."""

import json
from pathlib import Path

import torch

from albert_lab.config.compose import load, save
from albert_lab.config.schema import HardwareConfig, PretrainConfig
from albert_lab.cost.history import read_history
from albert_lab.report.frames import from_records
from albert_lab.report.runs_report import RunsReport
from albert_lab.runs import catalog
from albert_lab.runs.folder import RunFolder, list_finished_runs
from albert_lab.runs.record import read_measures
from albert_lab.train.callbacks.checkpoints import check_strategy, check_whole, newest, refuse_code
from albert_lab.train.tracking.journal import Journal, MlflowSender
from tests.faults.kind import Kind
from tests.faults.model_files import JSON, TINY
from tests.faults.mutations import ANY_BYTES, change_json_line, change_yaml
from tests.synthetic_runs import record

RUN = "pretrain/all-E4-0123456789"


def make_run(folder: Path) -> None:
    run = RunFolder(folder / RUN)
    run.path.mkdir(parents=True)
    config = PretrainConfig()
    for name, value in TINY.items():
        setattr(config.model, name, value)
    config.paths.cache, config.paths.runs = "cache", "runs"
    save(config, run.config)
    run.result.write_text(json.dumps(record()))
    lines = [{"step": step, "time": 1.5e9 + step, "metrics": {"train/mlm_loss": 7 - step / 8}} for step in range(9)]
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    state = {"state_dict": {"weight": torch.zeros(3, 3)}, "global_step": 8, "loops": {}, "optimizer_states": [{}]}
    run.checkpoints.mkdir()
    (run.checkpoints / "step-x").mkdir()
    torch.save(state, run.checkpoints / "step-8")


def read_settings(folder: Path) -> None:
    catalog.list_runs(folder)
    load(RunFolder(folder / RUN).config)


def read_record(folder: Path) -> None:
    catalog.list_runs(folder)
    history = PretrainConfig()
    history.paths.runs = str(folder)
    read_history(history, HardwareConfig(name="this machine"), 1e6)
    records = [found for run in list_finished_runs(folder) if (found := run.record())]
    for found in records:
        if {"metrics", "parameters"} <= set(found):
            read_measures(found, None)
    if records:
        RunsReport(from_records(records)).text()


def read_metrics(folder: Path) -> None:
    run = RunFolder(folder / RUN)
    catalog.last_step(run)
    catalog.read_history(run)
    sender = MlflowSender.__new__(MlflowSender)
    sender.folder, sender._position = run, 0
    sender._read_new_lines()
    journal = Journal.__new__(Journal)
    journal.folder = run
    journal.rewind(5)


def read_checkpoint(folder: Path) -> None:
    checkpoint = newest(RunFolder(folder / RUN).checkpoints)
    check_strategy(checkpoint, "single")
    check_whole(checkpoint)
    with refuse_code(checkpoint):
        if checkpoint is not None:
            torch.load(checkpoint, weights_only=True)


YAML = (*[change_yaml] * 12, *ANY_BYTES)
LINES = (*[change_json_line] * 10, *ANY_BYTES)

RUN_FILES = (
    Kind("run-settings", make_run, {f"{RUN}/config.yaml": YAML}, read_settings, share=0.5),
    Kind("run-record", make_run, {f"{RUN}/result.json": JSON}, read_record, share=0.5),
    Kind("run-metrics", make_run, {f"{RUN}/metrics.jsonl": LINES}, read_metrics, (f"{RUN}/metrics.jsonl", f"{RUN}/.m")),
    Kind("run-checkpoint", make_run, {f"{RUN}/checkpoints/step-8": ANY_BYTES}, read_checkpoint),
)
