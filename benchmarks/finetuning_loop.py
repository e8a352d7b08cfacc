"""A run's fine-tuning beside transformers' Trainer: `python -m benchmarks.finetuning_loop --data-root FOLDER`.

ALBERT-base with random weights on SST-2, float32, AdamW, no dropout. Ours is a whole run (`albert-lab finetune`), that
of transformers is Trainer with batches padded to the longest text. Each side is a process of its own; rounds are
interleaved and medians count. Tokens are real ones, and the first five steps don't count, on either side.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WARMUP_STEPS = 5
TOKENIZER = "tests/golden/own.model"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-root", required=True, help="the folder with glue/SST-2 or SST-2")
    parser.add_argument("--tokenizer", default=TOKENIZER, help="a SentencePiece model; ALBERT's own gives real lengths")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--theirs", metavar="CHECKPOINT", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.theirs:
        print(json.dumps(train_with_transformers(asked)))
        return
    with tempfile.TemporaryDirectory() as name:
        checkpoint = make_checkpoint(Path(name) / "checkpoint", asked.tokenizer)
        speeds: dict[str, list[float]] = {"ours": [], "theirs": []}
        for number in range(asked.rounds):
            speeds["ours"].append(run_ours(asked, checkpoint, Path(name) / f"runs-{number}"))
            speeds["theirs"].append(run_theirs(asked, checkpoint))
            print(
                f"round {number + 1}: " + ", ".join(f"{side} {each[-1]:,.0f} tokens/s" for side, each in speeds.items())
            )
    medians = {side: statistics.median(each) for side, each in speeds.items()}
    print(f"median: ours {medians['ours']:,.0f}, theirs {medians['theirs']:,.0f} tokens/s; "
          f"{medians['ours'] / medians['theirs']:.2f} times as fast")  # fmt: skip


def make_checkpoint(folder: Path, tokenizer: str) -> Path:
    import torch

    from albert_lab import AlbertConfig, AlbertForSequenceClassification, AlbertTokenizer

    torch.manual_seed(0)
    vocabulary = AlbertTokenizer(tokenizer)
    config = AlbertConfig(
        vocab_size=len(vocabulary), hidden_size=768, num_attention_heads=12, intermediate_size=3072, num_labels=2,
        classifier_dropout_prob=0.0,
    )  # fmt: skip
    AlbertForSequenceClassification(config).save_pretrained(folder)
    vocabulary.save_pretrained(folder)
    return folder


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run_ours(asked: argparse.Namespace, checkpoint: Path, runs: Path) -> float:
    """Tokens a second, as the run's record has it."""
    command = [
        sys.executable, "-m", "albert_lab", "finetune", f"checkpoint={checkpoint}", "task=sst2",
        f"data_root={asked.data_root}", f"paths.runs={runs}", "tracking=none", "trainer.accelerator=cpu",
        "trainer.threads=1", f"train.batch_size={asked.batch_size}", f"train.budget.steps={asked.steps}",
        "optimizer.warmup_steps=0", "train.validation_samples=8", "task.dropout=0", "task.classifier_dropout=0",
        f"trainer.log_every_steps={asked.steps}", "train.validate_every_steps=100000", "train.keep=last",
        "trainer.checkpoint_every_seconds=null", "trainer.health_check_step=0",
    ]  # fmt: skip
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    record = json.loads((Path(done.stdout.splitlines()[-1]) / "result.json").read_text())
    return float(record["speed"]["tokens_per_second"])


def run_theirs(asked: argparse.Namespace, checkpoint: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.finetuning_loop", "--theirs", str(checkpoint)]
    command += ["--data-root", asked.data_root, "--batch-size", str(asked.batch_size), "--steps", str(asked.steps)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def train_with_transformers(asked: argparse.Namespace) -> float:
    """Tokens a second of Trainer, from its sixth step on."""
    import torch
    import transformers

    from albert_lab.config.schema import FinetuneConfig
    from albert_lab.config.training import TaskConfig
    from albert_lab.data.tasks.benchmark import open_benchmark

    torch.set_num_threads(1)
    config = FinetuneConfig(checkpoint=asked.theirs, data_root=asked.data_root, task=TaskConfig("sst2", "glue"))
    config.paths.cache = tempfile.gettempdir()
    rows = open_benchmark(config).load("train").rows
    tokenizer = transformers.AutoTokenizer.from_pretrained(asked.theirs)
    ids = tokenizer([row.text for row in rows], truncation=True, max_length=512)["input_ids"]
    examples = [{"input_ids": each, "labels": row.label} for each, row in zip(ids, rows, strict=True)]
    model = transformers.AlbertForSequenceClassification.from_pretrained(asked.theirs)
    moments: list[float] = []  # when each step ended
    tokens: list[int] = []  # of each batch; one is made ahead

    class Timer(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            moments.append(time.perf_counter())

    def collate(batch: list[dict[str, Any]]) -> Any:
        tokens.append(sum(len(each["input_ids"]) for each in batch))
        return transformers.DataCollatorWithPadding(tokenizer)(batch)

    arguments = transformers.TrainingArguments(
        tempfile.mkdtemp(), max_steps=asked.steps, per_device_train_batch_size=asked.batch_size, use_cpu=True,
        report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True, learning_rate=1e-5,
    )  # fmt: skip
    trainer = transformers.Trainer(model, arguments, data_collator=collate, train_dataset=examples, callbacks=[Timer()])
    trainer.train()
    return sum(tokens[WARMUP_STEPS : asked.steps]) / (moments[-1] - moments[WARMUP_STEPS - 1])


if __name__ == "__main__":
    main()
