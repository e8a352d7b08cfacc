"""Thirty steps of each head through our engine and through transformers' Trainer: the same losses and answers."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import albert_lab
from albert_lab import AlbertConfig, AlbertTokenizer
from albert_lab.config.compose import load
from albert_lab.config.schema import FinetuneConfig
from albert_lab.scoring.predictions import read_predictions
from albert_lab.train.heads.evaluate import evaluate
from albert_lab.train.tasks.finetuning import FinetuningTask
from tests.lab import ROOT, losses_of, made_up_text
from tests.train.heads.conftest import FineTune

STEPS, BATCH, WARMUP, RATE = 30, 8, 6, 3e-3
SIZES: dict[str, Any] = {
    "vocab_size": 900, "embedding_size": 16, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 64, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.0,
}  # fmt: skip
LINES = [line for line in made_up_text(30).splitlines() if line]
DRAW = random.Random(0)


def make_texts() -> list[dict[str, Any]]:
    return [{"text": line, "label": ["no", "perhaps", "yes"][len(line) % 3]} for line in LINES[:60]]


def make_tags() -> list[dict[str, Any]]:
    sentences = [line.split()[:8] for line in LINES[:60]]
    return [{"text": words, "label": ["B-X" if len(word) > 5 else "O" for word in words]} for words in sentences]


def make_choices() -> list[dict[str, Any]]:
    return [
        {"text": LINES[number], "endings": LINES[number + 1 : number + 4], "label": number % 3} for number in range(60)
    ]


def make_questions() -> dict[str, Any]:
    """Questions of one word on one context: windows of one length, for Hugging Face has answers in padding."""
    context = " ".join(LINES[:2])
    words = context.split()
    marked = [{"text": word, "answer_start": context.index(word)} for word in words]
    questions = [
        {"id": str(number), "question": "Ba", "answers": [marked[number % len(marked)]]} for number in range(60)
    ]
    return {"data": [{"title": "", "paragraphs": [{"context": context, "qas": questions}]}]}


HEADS = {  # our class -> rows, the task's settings, further settings of the configuration
    "AlbertForSequenceClassification": (make_texts, ["task=classification"], {"num_labels": 3}),
    "AlbertForTokenClassification": (make_tags, ["task=tokens"], {"num_labels": 2}),
    "AlbertForMultipleChoice": (make_choices, ["task=choice", "task.choices=[endings]"], {}),
    "AlbertForQuestionAnswering": (make_questions, ["task=squad1", "task.max_query_length=8"], {}),
}


def write_rows(rows: Any, file: Path) -> Path:
    file.write_text(json.dumps(rows))
    return file


def as_transformers_reads_it(batch: dict[str, torch.Tensor], choices: bool) -> dict[str, torch.Tensor]:
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
    inputs["attention_mask"] = inputs["attention_mask"].long()
    if choices:
        inputs = {name: tensor.view(len(batch["labels"]), -1, tensor.shape[-1]) for name, tensor in inputs.items()}
    targets = [name for name in ("labels", "start_positions", "end_positions") if name in batch]
    return inputs | {name: batch[name] for name in targets}


@pytest.mark.parametrize("head", HEADS)
def test_thirty_steps_give_the_losses_and_answers_of_transformers_trainer(
    head: str, fine_tune: FineTune, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.23")
    make_rows, settings, labels = HEADS[head]
    file = write_rows(make_rows(), tmp_path / "rows.json")
    torch.manual_seed(1)
    checkpoint = tmp_path / "checkpoint"
    getattr(albert_lab, head)(AlbertConfig(**SIZES, **labels)).save_pretrained(checkpoint)
    AlbertTokenizer(str(ROOT / "tests/golden/own.model")).save_pretrained(checkpoint)

    folder = fine_tune(
        f"checkpoint={checkpoint}", *settings, f"task.files.train={file}", f"task.files.dev={file}",
        f"train.batch_size={BATCH}", f"train.budget={{steps: {STEPS}, epochs: null}}", "train.keep=last",
        "train.validate_every_steps=1000", "train.validation_samples=null", "trainer.log_every_steps=1",
        f"optimizer.learning_rate={RATE}", f"optimizer.warmup_steps={WARMUP}", "optimizer.warmup_share=null",
        "optimizer.warmup_rule=continuous", "task.dropout=0", "task.classifier_dropout=0", "task.max_seq_length=64",
    )  # fmt: skip

    config = load(folder.config)
    assert isinstance(config, FinetuneConfig)
    task = FinetuningTask(config)
    steps = [np.arange(step * BATCH, (step + 1) * BATCH) for step in range(STEPS)]
    batches = [
        as_transformers_reads_it({name: torch.from_numpy(array) for name, array in arrays.items()}, "Choice" in head)
        for arrays in task.samples.batches(steps)
    ]
    losses = []

    class Recorder(transformers.Trainer):
        def get_train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(batches, batch_size=None, shuffle=False)  # type: ignore[arg-type]

        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
            loss: torch.Tensor = model(**inputs).loss
            losses.append(loss.item())
            return loss

    theirs = getattr(transformers, head).from_pretrained(checkpoint)
    optimizer = config.optimizer
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "theirs"), max_steps=STEPS, learning_rate=RATE, warmup_steps=WARMUP,
        lr_scheduler_type="linear", weight_decay=optimizer.weight_decay, adam_beta1=optimizer.beta1,
        adam_beta2=optimizer.beta2, adam_epsilon=optimizer.eps, max_grad_norm=optimizer.gradient_clip_norm,
        use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    Recorder(model=theirs, args=arguments, train_dataset=list(range(STEPS))).train()

    ours = losses_of(folder.path, "loss")
    assert len(losses) == STEPS
    np.testing.assert_allclose([ours[step] for step in range(1, STEPS + 1)], losses, rtol=0, atol=1e-5)
    assert losses[-1] < losses[0]
    held_out = task.held_out[0]
    outputs = evaluate(task.head, theirs, held_out.features, BATCH).outputs
    answers = task.head.answer(held_out.examples.rows, held_out.features, outputs)
    saved = read_predictions(folder.predictions / "dev.jsonl")
    assert [answer.prediction for answer in answers] == [answer.prediction for answer in saved]
