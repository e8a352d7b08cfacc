"""Made-up result records, and an MLflow store of them, for tests of reports and notebooks: nothing was measured."""

import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from albert_lab.config.study import Cell, Study
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.machine import describe_machine
from albert_lab.runs.metrics import Metric, metrics_to_plain
from albert_lab.scoring.metrics import find_score, score, score_groups
from albert_lab.scoring.predictions import Prediction, write_predictions
from albert_lab.storage.files import write_json, write_text

Record = dict[str, Any]
CORES = {"none": 600_000, "attention": 420_000, "ffn": 280_000, "all": 100_000}  # parameters beside the embeddings


def pretraining_metrics(unigram_entropy: float = 6.9) -> tuple[Metric, ...]:
    """What pre-training declares."""
    return (
        Metric("mlm_accuracy", "MLM accuracy", "share", higher_is_better=True, counted_by="mlm_tokens"),
        Metric("mlm_loss", "MLM loss", "nats", higher_is_better=False, chance=unigram_entropy),
        Metric("sentence_accuracy", "sentence accuracy", "share", True, chance=0.5, counted_by="sentence_samples"),
        Metric("sentence_loss", "sentence loss", "nats", higher_is_better=False, chance=math.log(2)),
    )


def record(scheme: str = "all", embedding: int = 16, seed: int = 0, **validation: float | int | None) -> Record:
    """A whole record whose figures follow from its arguments; keywords replace single validation figures."""
    noise = random.Random(f"{scheme} {embedding} {seed}")
    unique = CORES[scheme] + 2000 * embedding
    accuracy = 0.06 * (unique / 1e5) ** 0.3 + noise.gauss(0, 0.003)
    return {
        "format": 1,
        "fingerprint": f"{noise.getrandbits(48):012x}",
        "name": f"{scheme} E{embedding} H96 L6 seed {seed}",
        "folder": f"runs/pretraining/{scheme}-{embedding}-{seed}",
        "task": "pretraining",
        "metrics": metrics_to_plain(pretraining_metrics()),
        "config": _config(scheme, embedding, seed),
        "parameters": {"unique": unique, "applied": 600_000 + 2000 * embedding},
        "flops_per_token": {"forward": 2.5e6, "training": 7.5e6},
        "memory_bytes": _memory(unique, noise),
        "speed": {"tokens_per_second": 18_300 + noise.gauss(0, 250), "step_seconds": 0.11},
        "training": {"steps": 400, "tokens": 812_345, "seconds": 45.5, "mlm_loss": 6.25},
        "validation": {
            "mlm_loss": 6.3 - accuracy,
            "mlm_accuracy": accuracy,
            "mlm_tokens": 5_120,
            "sentence_loss": 0.69,
            "sentence_accuracy": 0.53 + noise.gauss(0, 0.02),
            "sentence_samples": 512,
            **validation,
        },
        "host": {"hostname": "synthetic", "cpu": "Synthetic CPU", "cores": 2, "memory_bytes": 25_000_000_000},
        "versions": {"albert_lab": "0.1.0", "torch": "2.13.0"},
        "started": f"2026-01-02T03:{seed:02d}:00+00:00",
        "finished": f"2026-01-02T03:{seed:02d}:50+00:00",
    }


def _config(scheme: str, embedding: int, seed: int) -> dict[str, Any]:
    return {
        "model": {"embedding_size": embedding, "hidden_size": 96, "num_hidden_layers": 6, "ffn_dropout": True},
        "sharing": {"scheme": scheme, "attention": None, "ffn": [0, 0, 1] if scheme == "custom" else None},
        "objective": {"sentence": "sop"},
        "data": {"files": []},
        "tokenizer": {"vocab_size": 2000},
        "optimizer": {"name": "adamw", "learning_rate": 1e-3, "eps": 1e-6},
        "train": {"seed": seed, "batch_size": 32, "budget": {"steps": 400, "tokens": None}},
        "trainer": {"accelerator": "cpu", "threads": None, "progress_bar": seed == 0},
        "tracking": {"study": "table4"},
        "paths": {"runs": "runs"},
    }


def _memory(unique: int, noise: random.Random) -> dict[str, int]:
    kinds = {"weights": 4 * unique, "gradients": 4 * unique, "optimizer": 8 * unique, "activations": 14_000_000}
    floor = 310_000_000 + noise.randrange(2_000_000)
    return {"floor": floor, "peak": floor + sum(kinds.values()) + 21_000_000, **kinds}


def study() -> Study:
    """Table 4's eight cells at a made-up scale."""
    pairs = [(embedding, scheme) for embedding in (768, 128) for scheme in ("all", "attention", "ffn", "none")]
    return Study(
        name="table4",
        title="Table 4: sharing attention, feed-forward, both or nothing",
        question="What does each way of sharing parameters across layers cost and buy?",
        scale="tiny",
        caption="At this scale the table can show memory and speed; it can't reproduce the paper's scores.",
        seeds=(0, 1),
        cells=tuple(
            Cell(f"E={e} {s}", {"model.embedding_size": e, "sharing": s}, (f"sharing={s}",), (f"sharing={s}",))
            for e, s in pairs
        ),
    )


def study_records(seeds: Iterable[int] = (0, 1)) -> dict[str, list[Record]]:
    """Records of every cell of `study`, by cell name."""
    small = {768: 96, 128: 16}
    axes = {cell.name: cell.axes for cell in study().cells}
    return {
        name: [record(str(axis["sharing"]), small[int(axis["model.embedding_size"])], seed) for seed in seeds]
        for name, axis in axes.items()
    }


def log_study(uri: str, artifacts: str, records: Iterable[Record], name: str = "table4") -> None:
    """Writes records into an MLflow store as a study's runs under one parent run."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    known = client.get_experiment_by_name("albert_lab")
    experiment = known.experiment_id if known else client.create_experiment("albert_lab", artifact_location=artifacts)
    parent = client.create_run(experiment, run_name=name, tags={"albert_lab.kind": "study", "albert_lab.study": name})
    for item in records:
        log_run(client, experiment, item, {"albert_lab.study": name, "mlflow.parentRunId": parent.info.run_id})
    client.set_terminated(parent.info.run_id)


def log_run(client: Any, experiment: str, item: Record, tags: Mapping[str, str], kind: str = "run") -> str:
    """Writes one record with a short learning curve, and gives its MLflow run id."""
    from mlflow.entities import Metric as Point
    from mlflow.entities import Param

    start = int(datetime.fromisoformat(item["started"]).timestamp() * 1000)
    tags = {
        **tags,
        "albert_lab.kind": kind,
        "albert_lab.host": describe_machine(item["host"]),
        "albert_lab.task": item["task"],
        "albert_lab.metrics": json.dumps(item["metrics"]),
        "albert_lab.run": f"{item['name'].replace(' ', '-')}-{item['fingerprint']}",
    }
    run_id: str = client.create_run(experiment, start_time=start, run_name=item["name"], tags=tags).info.run_id
    sections = ("parameters", "flops_per_token", "memory_bytes", "speed", "training", "validation")
    final = {f"{s}/{k}": v for s in sections for k, v in item[s].items() if v is not None}
    points = [Point(key, float(value), start, 400) for key, value in final.items()]
    curves = [metric["name"] for metric in item["metrics"] if metric["name"] in item["training"]]
    points += [
        Point(f"train/{name}", 7.5 - 0.003 * step, start, step) for name in curves for step in range(0, 401, 100)
    ]
    params = [Param(key, str(value)) for key, value in _dotted(item["config"])]
    client.log_batch(run_id, metrics=points, params=params)
    client.set_terminated(run_id)
    return run_id


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in tree.items():
        pairs += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return pairs


def finetuning_metrics(names: Sequence[str], answers: Sequence[Prediction], labels: Sequence[str]) -> list[Metric]:
    """What fine-tuning declares of one held-out split: of all examples, then of each group."""
    metrics = []
    for group in ("", *dict.fromkeys(each.group for each in answers if each.group)):
        golds = [each.gold for each in answers if group in ("", each.group)]
        for kind in map(find_score, names):
            name, title = (f"{group}_{kind.name}", f"{group} {kind.title}") if group else (kind.name, kind.title)
            counted = "samples" if kind.unit == "share" and kind.points and not group else None
            metrics.append(Metric(name, title, kind.unit, kind.higher_is_better, kind.chance(golds, labels), counted))
    return [*metrics, Metric("loss", "loss", "nats", higher_is_better=False)]


def finetuned_run(
    runs: Path,
    task: str,
    seed: int,
    predictions: Sequence[Prediction],
    names: Sequence[str],
    label_names: Sequence[str] = (),
    examples: int = 1000,
    keep: str = "best",
    **validation: float,
) -> RunFolder:
    """The folder of a finished fine-tuning run whose figures follow from its answers: record, answers, curves."""
    folder = RunFolder(runs / "finetune" / f"{task}-seed-{seed}-{seed:010x}")
    metrics = finetuning_metrics(names, predictions, label_names)
    scores = score(names, predictions, label_names) | score_groups(names, predictions, label_names)
    figures = {**scores, "loss": 0.7, "samples": len(predictions), **validation}
    item = record(seed=seed) | {
        "name": f"{task} seed {seed}",
        "folder": str(folder.path),
        "verb": "finetune",
        "task": task,
        "metrics": metrics_to_plain(tuple(metrics)),
        "config": {"train": {"seed": seed, "keep": keep}, "task": {"name": task}},
        "training": {"steps": 30, "best_step": 20, "examples": examples, "seconds": 1.5},
        "validation": figures,
    }
    write_json(folder.result, item)
    write_predictions(folder.predictions / "dev.jsonl", predictions)
    judge = names[0]
    lines = [
        {"step": step, "metrics": {f"validation/{judge}": figures[judge] * step / 20, "train/loss": 1 / step}}
        for step in (10, 20)
    ]
    write_text(folder.metrics, "".join(f"{json.dumps(line)}\n" for line in lines))
    return folder
