"""The head for tagged words: a tag for every word, whatever the tokenizer and the length do to it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from albert_lab import AlbertConfig, AlbertForPreTraining, AlbertTokenizer, AlbertTokenizerFast
from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.examples import TokenExample
from albert_lab.data.tasks.iob import list_tags
from albert_lab.scoring.metrics import score
from albert_lab.scoring.predictions import read_predictions
from albert_lab.train.heads.evaluate import evaluate
from albert_lab.train.heads.features import IGNORED
from albert_lab.train.heads.head import Outputs
from albert_lab.train.heads.tokens import Tokens
from tests.lab import ROOT
from tests.train.heads.conftest import FineTune

SIZES: dict[str, Any] = {
    "vocab_size": 900, "embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 64, "initializer_range": 0.3,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.0,
}  # fmt: skip
MODEL = str(ROOT / "tests" / "golden" / "own.model")
NAMES = list_tags(["PER", "LOC"])
ROWS = [
    TokenExample("0", ("Ada", "Lovelace", "was", "in", "Turin", "."), (2, 4, 0, 0, 1, 0)),
    TokenExample("1", ("No", "one", "was"), (0, 0, 0)),
    TokenExample("2", ("a\u00a0b", "\u200b", "Rome", "\u00a0"), (0, 2, 1, 0)),
    TokenExample("3", ("unimaginably-long-words", "are", "here") * 2, (0, 1, 3) * 2),
]

words = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=6)
sentences = st.lists(words, min_size=1, max_size=12)


def make_head(length: int = 64, names: tuple[str, ...] = NAMES) -> Tokens:
    return Tokens(AlbertTokenizerFast(MODEL), TaskConfig(), names, length)


def make_model(head: Tokens) -> Any:
    torch.manual_seed(0)
    return head.model_class(AlbertConfig(**SIZES, **head.model_options(), remove_padding=True)).eval()


def batch_of(head: Tokens, rows: list[TokenExample]) -> dict[str, torch.Tensor]:
    arrays = head.encode(rows).batch(np.arange(len(rows)), head.tokenizer.pad_token_id or 0)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def answer_gold(head: Tokens, rows: list[TokenExample]) -> list[Outputs]:
    """What a model puts out that knows every tag, padding included."""
    targets = head.encode(rows).token_targets["labels"]
    zero = np.zeros((), np.float32)
    return [{"tags": np.append(np.where(each == IGNORED, 3, each), [4, 4]), "loss": zero} for each in targets]


def test_a_model_that_knows_the_tags_scores_100() -> None:
    head = make_head()
    predictions = head.answer(ROWS, head.encode(ROWS), answer_gold(head, ROWS))
    assert [prediction.prediction for prediction in predictions] == [head.gold(row) for row in ROWS]
    metrics = ["entity_f1", "entity_precision", "entity_recall", "token_accuracy"]
    assert set(score(metrics, predictions, NAMES).values()) == {1.0}
    assert predictions[0].text == "Ada Lovelace was in Turin ."


@given(sentences, st.integers(8, 24))
def test_every_word_has_one_answer_whatever_it_is_made_of(sentence: list[str], length: int) -> None:
    head = make_head(length)
    row = TokenExample("0", tuple(sentence), (1,) * len(sentence))
    features = head.encode([row])
    labels = features.token_targets["labels"][0]
    assert len(features.ids[0]) == len(labels) <= length
    kept = int((labels == 1).sum())
    assert features.count(np.array([0])) == kept
    assert set(labels.tolist()) <= {1, IGNORED}
    prediction = head.answer([row], features, answer_gold(head, [row]))[0].prediction
    assert prediction == ["B-LOC"] * kept + ["O"] * (len(sentence) - kept)
    if len(labels) < length:
        assert kept == len(sentence)


def test_words_beyond_the_length_are_told_and_count_as_outside(caplog: pytest.LogCaptureFixture) -> None:
    head = make_head(16)
    with caplog.at_level(logging.WARNING):
        features = head.encode(ROWS)
    assert "sentences are beyond task.max_seq_length=16 tokens" in caplog.text
    predictions = head.answer(ROWS, features, answer_gold(head, ROWS))
    assert len(predictions[3].prediction) == len(ROWS[3].words)
    assert score(["entity_f1"], predictions, NAMES)["entity_f1"] < 1
    no_outside = make_head(16, ("DT", "NN", "VB", "IN", "X"))
    predictions = no_outside.answer(ROWS, features, answer_gold(no_outside, ROWS))
    assert predictions[3].prediction[-1] == ""  # right for no tag


def align_as_hugging_face(tokenizer: Any, row: TokenExample, length: int) -> tuple[list[int], list[int]]:
    """Ids and labels as transformers' run_ner.py gives them, which labels the first piece of every word."""
    encoded = tokenizer(list(row.words), truncation=True, max_length=length, is_split_into_words=True)
    labels, previous = [], None
    for word in encoded.word_ids():
        assert row.labels is not None
        labels.append(IGNORED if word is None or word == previous else row.labels[word])
        previous = word
    return encoded["input_ids"], labels


@pytest.mark.parametrize("length", [16, 64])
def test_features_are_hugging_faces(length: int, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.23")
    head = make_head(length)
    head.tokenizer.save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    rows = [ROWS[0], ROWS[1], ROWS[3]]  # theirs has no label for a word without pieces
    features = head.encode(rows)
    for number, row in enumerate(rows):
        for tokenizer in (head.tokenizer, theirs):
            expected = align_as_hugging_face(tokenizer, row, length)
            assert (features.ids[number].tolist(), features.token_targets["labels"][number].tolist()) == expected


def test_its_loss_is_hugging_faces(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.23")
    head = make_head()
    model, batch = make_model(head), batch_of(head, ROWS)
    model.save_pretrained(tmp_path)
    theirs = transformers.AlbertForTokenClassification.from_pretrained(tmp_path).eval()
    names = ("input_ids", "attention_mask", "token_type_ids", "labels")
    output = theirs(**{name: batch[name].long() for name in names})
    result = head.compute(model, batch)
    torch.testing.assert_close(result.loss / batch["step_targets"], output.loss, rtol=0, atol=1e-5)
    counted = batch["labels"] != IGNORED
    assert batch["step_targets"] == counted.sum() == sum(len(row.words) for row in ROWS)
    assert torch.equal(result.outputs["tags"][counted], output.logits.argmax(-1)[counted])
    assert result.hits == (output.logits.argmax(-1) == batch["labels"]).sum()


def test_padding_changes_no_answer_and_losses_add_up() -> None:
    head = make_head()
    model, features = make_model(head), head.encode(ROWS)
    together = evaluate(head, model, features, 4)
    alone = evaluate(head, model, features, 1)
    pairs = zip(head.answer(ROWS, features, together.outputs), head.answer(ROWS, features, alone.outputs), strict=True)
    for first, second in pairs:
        assert first.prediction == second.prediction
        assert first.loss == pytest.approx(second.loss, abs=1e-5)
    words = [len(row.words) for row in ROWS]
    means = [float(output["loss"]) for output in together.outputs]
    assert together.loss == pytest.approx(np.dot(words, means), abs=1e-4)
    assert together.targets == sum(words)


def test_words_without_known_tags_are_answered() -> None:
    head = make_head()
    rows = [TokenExample(row.id, row.words) for row in ROWS]
    features = head.encode(rows)
    predictions = head.answer(rows, features, evaluate(head, make_model(head), features, 2).outputs)
    assert [len(prediction.prediction) for prediction in predictions] == [len(row.words) for row in rows]
    assert {(prediction.gold, prediction.loss) for prediction in predictions} == {(None, None)}
    known = head.answer(ROWS, features, evaluate(head, make_model(head), head.encode(ROWS), 2).outputs)
    assert [each.prediction for each in known] == [each.prediction for each in predictions]


@pytest.mark.parametrize(("frozen", "rate"), [("true", 0.05), ("false", 0.01)])
def test_a_checkpoint_is_fine_tuned_from_files_to_scored_answers(
    frozen: str, rate: float, tmp_path: Path, fine_tune: FineTune
) -> None:
    AlbertForPreTraining(AlbertConfig(**SIZES)).save_pretrained(tmp_path / "source")
    AlbertTokenizer(MODEL).save_pretrained(tmp_path / "source")
    text = "".join(f"Ada I-PER\nwas O\nin O\nRome I-LOC\n. O\n\nNo{number} O\none O\n\n" for number in range(12))
    (tmp_path / "conll2003").mkdir()
    for name in ("eng.train", "eng.testa"):
        (tmp_path / "conll2003" / name).write_text(f"-DOCSTART- O\n\n{text}")
    folder = fine_tune(
        "task=conll2003", f"checkpoint={tmp_path / 'source'}", f"data_root={tmp_path}", f"task.freeze_encoder={frozen}",
        f"optimizer.learning_rate={rate}", "train.batch_size=8", "train.budget.epochs=20",
    )  # fmt: skip
    record = folder.record()
    assert record is not None
    assert [metric["name"] for metric in record["metrics"]][:2] == ["entity_f1", "entity_precision"]
    figures = record["validation"]
    assert figures["samples"] == 24
    assert figures["loss"] < record["metrics"][-1]["chance"] / 2
    if frozen == "false":
        assert figures["entity_f1"] > 0.9
    saved = read_predictions(folder.path / "predictions/dev.jsonl")
    assert score(["entity_f1"], saved, NAMES)["entity_f1"] == figures["entity_f1"]
    assert AlbertConfig.from_pretrained(folder.path).id2label[1] == "B-LOC"
