"""The head for multiple choice: what fits of context and choice is Google's rule, the loss is Hugging Face's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from albert_lab import AlbertConfig, AlbertForPreTraining, AlbertTokenizer, AlbertTokenizerFast
from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.examples import ChoiceExample
from albert_lab.errors import UserError
from albert_lab.scoring.metrics import score, score_groups
from albert_lab.scoring.predictions import read_predictions
from albert_lab.train.heads.choice import Choice
from albert_lab.train.heads.evaluate import evaluate
from albert_lab.train.heads.features import TrainingSamples
from albert_lab.train.heads.head import Outputs
from tests.lab import ROOT, made_up_text
from tests.train.heads.conftest import FineTune

SIZES: dict[str, Any] = {
    "vocab_size": 900, "embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 64, "initializer_range": 0.3,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.0,
}  # fmt: skip
MODEL = str(ROOT / "tests" / "golden" / "own.model")
LINES = [line for line in made_up_text(20).splitlines() if line]
ROWS = [
    ChoiceExample(str(number), " ".join(LINES[number : number + 1 + number % 3]), tuple(LINES[number + 3 : number + 7]),
                  number % 4, "middle" if number % 3 else "high")
    for number in range(8)
]  # fmt: skip

TOKENIZER = AlbertTokenizerFast(MODEL)


def make_head(length: int = 64, most: int = 64) -> Choice:
    return Choice(TOKENIZER, TaskConfig(max_query_length=most), (), length)


def make_model(head: Choice) -> Any:
    torch.manual_seed(0)
    return head.model_class(AlbertConfig(**SIZES, **head.model_options(), remove_padding=True)).eval()


def batch_of(head: Choice, rows: list[ChoiceExample]) -> dict[str, torch.Tensor]:
    arrays = head.encode(rows).batch(np.arange(len(rows)), head.tokenizer.pad_token_id or 0)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def choose_gold(rows: list[ChoiceExample]) -> list[Outputs]:
    return [{"logits": np.eye(4, dtype=np.float32)[row.label or 0], "loss": np.zeros(())} for row in rows]


def test_a_model_that_knows_the_answers_scores_100() -> None:
    head = make_head()
    predictions = head.answer(ROWS, head.encode(ROWS), choose_gold(ROWS))
    assert [prediction.prediction for prediction in predictions] == ["A", "B", "C", "D"] * 2
    assert score(["accuracy"], predictions) == {"accuracy": 1.0}
    assert score_groups(["accuracy"], predictions) == {"high_accuracy": 1.0, "middle_accuracy": 1.0}
    assert sum(predictions[0].scores.values()) == pytest.approx(1)
    assert max(predictions[1].scores, key=predictions[1].scores.__getitem__) == "B"
    assert predictions[0].text.startswith(f"{ROWS[0].context} [A] {ROWS[0].endings[0]} [B] ")


def encode_as_google(row: ChoiceExample, length: int, most: int) -> list[tuple[list[int], int]]:
    """(ids, tokens of the first segment) of every choice, by race_utils.py: albert_facts' rule, step by step."""
    found = []
    for ending in row.endings:
        context, second = TOKENIZER.tokenize(row.context), TOKENIZER.tokenize(ending)
        if len(second) > most:
            second = second[-most:]
        if len(second) + len(context) > length - 3:
            context = context[: length - 3 - len(second)]
        tokens = ["[CLS]", *context, "[SEP]", *second, "[SEP]"]
        found.append((TOKENIZER.convert_tokens_to_ids(tokens), len(context) + 2))
    return found


@given(st.integers(20, 64), st.integers(1, 16))
def test_it_keeps_the_end_of_a_choice_and_the_start_of_the_context(length: int, most: int) -> None:
    features = make_head(length, most).encode(ROWS)
    expected = [pair for row in ROWS for pair in encode_as_google(row, length, most)]
    assert [(ids.tolist(), first) for ids, first in zip(features.ids, features.segments, strict=True)] == expected
    assert max(map(len, features.ids)) <= length
    assert len(features) == len(ROWS)


def test_a_choice_longer_than_the_sequence_is_cut_to_it() -> None:
    features = make_head(8, 64).encode(ROWS)
    assert {len(ids) for ids in features.ids} == {8}
    assert set(features.segments) == {2}


def test_features_are_hugging_faces_where_only_the_context_is_cut(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.23")
    TOKENIZER.save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    rows = [
        ChoiceExample(row.id, row.context * 2, tuple(" ".join(ending.split()[:3]) for ending in row.endings))
        for row in ROWS
    ]
    features = make_head(40).encode(rows)
    pairs = [(row.context, ending) for row in rows for ending in row.endings]
    encoded = theirs(
        *map(list, zip(*pairs, strict=True)), truncation="only_first", max_length=40, return_token_type_ids=True
    )
    assert [ids.tolist() for ids in features.ids] == encoded["input_ids"]
    firsts = [len(types) - sum(types) for types in encoded["token_type_ids"]]
    assert features.segments == firsts
    assert max(map(len, features.ids)) == 40


def test_its_loss_is_hugging_faces(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.23")
    head = make_head()
    model, batch = make_model(head), batch_of(head, ROWS)
    model.save_pretrained(tmp_path)
    theirs = transformers.AlbertForMultipleChoice.from_pretrained(tmp_path).eval()
    inputs = {name: batch[name].long().view(8, 4, -1) for name in ("input_ids", "attention_mask", "token_type_ids")}
    output = theirs(**inputs, labels=batch["labels"])
    result = head.compute(model, batch)
    torch.testing.assert_close(result.loss / batch["step_targets"], output.loss, rtol=0, atol=1e-5)
    torch.testing.assert_close(result.outputs["logits"], output.logits, rtol=0, atol=1e-5)
    assert result.hits == (output.logits.argmax(-1) == batch["labels"]).sum()
    torch.testing.assert_close(result.outputs["loss"].sum(), result.loss)


def test_padding_changes_no_answer() -> None:
    head = make_head()
    model, features = make_model(head), head.encode(ROWS)
    together, alone = evaluate(head, model, features, 8), evaluate(head, model, features, 1)
    assert together.targets == alone.targets == len(ROWS)
    assert together.loss == pytest.approx(alone.loss, abs=1e-4)
    for first, second in zip(together.outputs, alone.outputs, strict=True):
        np.testing.assert_allclose(first["logits"], second["logits"], atol=1e-5)


def test_questions_without_known_answers_are_answered() -> None:
    head = make_head()
    rows = [ChoiceExample(row.id, row.context, row.endings) for row in ROWS]
    features = head.encode(rows)
    predictions = head.answer(rows, features, evaluate(head, make_model(head), features, 3).outputs)
    assert {(prediction.gold, prediction.loss) for prediction in predictions} == {(None, None)}
    assert {prediction.prediction for prediction in predictions} <= set("ABCD")


def test_a_different_number_of_choices_is_refused() -> None:
    with pytest.raises(UserError, match="some have 2, some 4"):
        make_head().encode([ROWS[0], ChoiceExample("9", "a", ("b", "c"), 0)])


def test_a_checkpoint_is_fine_tuned_from_files_to_scored_answers(tmp_path: Path, fine_tune: FineTune) -> None:
    AlbertForPreTraining(AlbertConfig(**SIZES)).save_pretrained(tmp_path / "source")
    AlbertTokenizer(MODEL).save_pretrained(tmp_path / "source")
    for split in ("train", "dev"):
        for school in ("middle", "high"):
            passages = [
                {"id": f"{school}{number}.txt", "article": LINES[number], "questions": ["Is it _ ?", "Why?"],
                 "options": [LINES[number + 1 : number + 5]] * 2, "answers": ["B", "D"]}
                for number in range(3)
            ]  # fmt: skip
            file = tmp_path / "RACE" / split / school / "all.txt"
            file.parent.mkdir(parents=True)
            file.write_text("".join(f"{json.dumps(passage)}\n" for passage in passages))
    folder = fine_tune(
        "task=race", f"checkpoint={tmp_path / 'source'}", f"data_root={tmp_path}", "task.max_query_length=20",
        "task.dropout=0", "optimizer.learning_rate=0.01", "optimizer.warmup_steps=0", "train.batch_size=12",
        "train.budget.steps=60", "train.validate_every_steps=30", "trainer.micro_batch_size=4",
    )  # fmt: skip
    record = folder.record()
    assert record is not None
    names = [metric["name"] for metric in record["metrics"]]
    assert names == ["accuracy", "middle_accuracy", "high_accuracy", "loss"]
    figures = record["validation"]
    assert figures["accuracy"] > 0.9
    assert record["metrics"][-1]["chance"] == pytest.approx(np.log(4))
    saved = read_predictions(folder.path / "predictions/dev.jsonl")
    assert len(saved) == 12
    assert score(["accuracy"], saved)["accuracy"] == figures["accuracy"]


def test_a_budget_in_tokens_counts_those_of_every_choice() -> None:
    assert TrainingSamples(make_head().encode(ROWS), 0, 64, seed=0).max_seq_length == 4 * 64
