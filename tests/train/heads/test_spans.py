"""The head for questions: what a model points at is what it answers; its losses are Google's and Hugging Face's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from albert_lab import AlbertConfig, AlbertForPreTraining, AlbertTokenizer, AlbertTokenizerFast
from albert_lab.config.compose import save
from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.examples import SpanExample
from albert_lab.scoring.metrics import score
from albert_lab.scoring.predictions import read_predictions
from albert_lab.train.heads.evaluate import evaluate
from albert_lab.train.heads.head import Outputs
from albert_lab.train.heads.spans import Spans, WindowFeatures
from albert_lab.train.predict import Predictor
from albert_lab.train.tasks.finetuning import FinetuningTask
from tests.data.spans.questions import make_questions
from tests.lab import ROOT, compose_verb
from tests.synthetic_runs import record

LENGTH = 64
SIZES = {
    "vocab_size": 900, "embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": LENGTH, "initializer_range": 0.3,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.0,
}  # fmt: skip
MODEL = str(ROOT / "tests" / "golden" / "own.model")
both = pytest.mark.parametrize("no_answer", [False, True], ids=["SQuAD 1.1", "SQuAD 2.0"])


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """What `predict` changes in torch is changed back."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def make_head(no_answer: bool) -> Spans:
    task = TaskConfig(no_answer=no_answer, max_query_length=12, doc_stride=12, max_answer_length=40)
    return Spans(AlbertTokenizerFast(MODEL), task, (), LENGTH)


def make_model(head: Spans) -> Any:
    torch.manual_seed(0)
    return head.model_class(AlbertConfig(**SIZES, remove_padding=True)).eval()  # type: ignore[arg-type]


def rows_for(no_answer: bool, count: int = 60) -> list[SpanExample]:
    return make_questions(count, impossible=0.4 if no_answer else 0.0)


def batch_of(features: WindowFeatures, numbers: Any) -> dict[str, torch.Tensor]:
    arrays = features.batch(np.asarray(numbers), 0)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def point_at_gold(features: WindowFeatures, no_answer: bool) -> list[Outputs]:
    """What a model puts out that knows every window's answer, padding included."""
    outputs = []
    windows = features.windows
    for ids, start, end in zip(windows.ids, windows.starts, windows.ends, strict=True):
        loss = np.zeros((), np.float32)
        if no_answer:
            tops = {"start_top_index": np.array([start, 0]), "end_top_index": np.array([[end, 0], [0, end]])}
            logs = {"start_top_log_probs": np.array([-0.1, -9]), "end_top_log_probs": np.array([[-0.1, -9]] * 2)}
            outputs.append({**tops, **logs, "cls_logits": np.array(-3.0 if end else 3.0), "loss": loss})
        else:
            logits = np.full((2, len(ids) + 5), -5, np.float32)
            logits[0, start] = logits[1, end] = 5
            outputs.append({"start_logits": logits[0], "end_logits": logits[1], "loss": loss})
    return outputs


@both
def test_a_model_that_points_at_the_answers_scores_100(no_answer: bool) -> None:
    rows, head = rows_for(no_answer), make_head(no_answer)
    features = head.encode(rows)
    predictions = head.tune(head.answer(rows, features, point_at_gold(features, no_answer)))
    assert score(["answer_f1", "exact_match"], predictions) == {"answer_f1": 1.0, "exact_match": 1.0}
    assert [prediction.prediction for prediction in predictions] == [
        (*prediction.gold, "")[0] for prediction in predictions
    ]
    assert len(features) > len(rows)
    for row, prediction in zip(rows, predictions, strict=True):
        best = prediction.details[0] if row.answers else None
        assert best is None or (best["text"], best["start"]) == row.answers[0]


@both
def test_its_targets_are_as_far_as_the_model_sees(no_answer: bool) -> None:
    """A window's loss is the same whatever it is padded to, and no answer lies outside the paragraph."""
    rows, head = rows_for(no_answer, 12), make_head(no_answer)
    features = head.encode(rows)
    model = make_model(head)
    order = np.argsort([len(ids) for ids in features.ids])
    with torch.no_grad():
        together = head.compute(model, batch_of(features, order))
        alone = [head.compute(model, batch_of(features, [number])) for number in order]
    torch.testing.assert_close(together.outputs["loss"], torch.cat([one.outputs["loss"] for one in alone]))
    torch.testing.assert_close(together.loss, sum(one.loss for one in alone))
    outputs = evaluate(head, model, features, 4).outputs
    for prediction, row in zip(head.answer(rows, features, outputs), rows, strict=True):
        assert all(row.context[each["start"] :].startswith(each["text"]) for each in prediction.details)
        assert prediction.loss is not None
    if no_answer:
        windows = features.windows
        for output, ids, paragraph in zip(outputs, windows.ids, windows.paragraphs, strict=True):
            allowed = {0, *range(paragraph, len(ids) - 1)}
            assert set(output["start_top_index"].tolist()) <= allowed


def test_the_first_heads_loss_is_hugging_faces(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.23")
    head = make_head(no_answer=False)
    features, model = head.encode(rows_for(no_answer=False)), make_model(head)
    model.save_pretrained(tmp_path)
    theirs = transformers.AlbertForQuestionAnswering.from_pretrained(tmp_path).eval()
    full = np.flatnonzero(features.lengths() == LENGTH)  # Hugging Face lets padding be an answer
    assert len(full) > 20
    batch = batch_of(features, full)
    names = ("input_ids", "attention_mask", "token_type_ids", "start_positions", "end_positions")
    loss = theirs(**{name: batch[name].long() for name in names}).loss
    torch.testing.assert_close(head.compute(model, batch).loss / len(full), loss, rtol=0, atol=1e-5)


def test_the_second_heads_loss_is_the_models_own_and_training_makes_no_beam() -> None:
    head = make_head(no_answer=True)
    features, model = head.encode(rows_for(no_answer=True, count=8)), make_model(head)
    full = np.flatnonzero(features.lengths() == LENGTH)
    batch = batch_of(features, full)
    place, paragraphs = torch.arange(LENGTH), torch.from_numpy(features.windows.paragraphs[full])[:, None]
    p_mask = ((place < paragraphs) & (place > 0)) | (place == LENGTH - 1)
    ends = batch["end_positions"]
    with torch.no_grad():
        own = model(
            batch["input_ids"], token_type_ids=batch["token_type_ids"], start_positions=batch["start_positions"],
            end_positions=ends, is_impossible=(ends == 0).long(), p_mask=p_mask,
        )  # fmt: skip
        assert set(head.compute(model, batch).outputs) > {"loss", "start_top_index", "cls_logits"}
        result = head.compute(model.train(), batch)
    torch.testing.assert_close(result.loss / len(full), own.loss)
    assert set(result.outputs) == {"loss", "cls_logits"}


def test_answering_with_the_tuned_threshold_repeats_the_tuned_answers() -> None:
    rows, head = rows_for(no_answer=True), make_head(no_answer=True)
    features = head.encode(rows)
    outputs = evaluate(head, make_model(head), features, 16).outputs
    tuned = head.tune(head.answer(rows, features, outputs))
    assert head.answer(rows, features, outputs) == tuned
    nulls = sorted(prediction.scores["null"] for prediction in tuned)
    best = score(["answer_f1"], tuned)["answer_f1"]
    for threshold in (nulls[0] - 1, nulls[len(nulls) // 2], nulls[-1]):
        head.tuned = {"null_threshold": threshold}
        predictions = head.answer(rows, features, outputs)
        assert score(["answer_f1"], predictions)["answer_f1"] <= best
        assert all(not each.prediction for each in predictions if each.scores["null"] > threshold)


def test_questions_without_known_answers_are_answered() -> None:
    head = make_head(no_answer=True)
    rows = [SpanExample("0", "Who?", "It was Ada.", impossible=None), SpanExample("1", "?", "\ufeff", impossible=None)]
    features = head.encode(rows)
    predictions = head.tune(head.answer(rows, features, evaluate(head, make_model(head), features, 2).outputs))
    assert [(each.gold, each.loss) for each in predictions] == [(None, None)] * 2
    assert head.tuned == {"null_threshold": 0.0}
    assert (predictions[1].prediction, predictions[1].details) == ("", [])


def layout(rows: list[SpanExample]) -> str:
    paragraphs = [
        {"context": row.context, "qas": [{
            "id": row.id, "question": row.question, "is_impossible": row.impossible,
            "answers": [{"text": answer.text, "answer_start": answer.start} for answer in row.answers],
        }]}
        for row in rows
    ]  # fmt: skip
    return json.dumps({"version": "made up", "data": [{"title": "", "paragraphs": paragraphs}]})


@both
def test_a_checkpoint_is_fine_tuned_from_files_to_scored_answers(no_answer: bool, tmp_path: Path) -> None:
    source, squad = tmp_path / "source", tmp_path / "data"
    AlbertForPreTraining(AlbertConfig(**SIZES)).save_pretrained(source)  # type: ignore[arg-type]
    AlbertTokenizer(MODEL).save_pretrained(source)
    squad.mkdir()
    version = "2.0" if no_answer else "1.1"
    for split, seed in (("train", 1), ("dev", 2)):
        rows = make_questions(24, seed, 0.4 if no_answer else 0.0)
        (squad / f"{split}-v{version}.json").write_text(layout(rows))
    config = compose_verb(
        "finetune", f"task=squad{version[0]}", f"checkpoint={source}", f"data_root={squad}", f"paths.cache={tmp_path}",
        f"task.max_seq_length={LENGTH}", "task.max_query_length=12", "task.doc_stride=24",
        "trainer.accelerator=cpu", "trainer.gemm=mkl",
    )  # fmt: skip
    task = FinetuningTask(config)
    model = task.make_model()
    (arrays,) = task.samples.batches([np.arange(8)])
    loss, _ = task.loss(model, {name: torch.from_numpy(array) for name, array in arrays.items()})
    loss.backward()
    assert all(weight.grad is not None for name, weight in model.named_parameters() if "pooler" not in name)
    figures = task.validate(model)
    assert {"answer_f1", "exact_match", "loss", "samples"} <= set(figures)
    assert ("null_threshold" in figures) == no_answer
    assert [metric.name for metric in task.metrics] == ["answer_f1", "exact_match", "loss"]
    run = tmp_path / "run"
    task.save(run, model, model.state_dict())
    assert any("windows of at most 64 tokens" in line for line in task.describe())
    saved = read_predictions(run / "predictions" / "dev.jsonl")
    assert score(["answer_f1"], saved)["answer_f1"] == figures["answer_f1"]

    save(config, run / "config.yaml")
    (run / "result.json").write_text(json.dumps({**record(), "verb": "finetune", "validation": figures}))
    predictor = Predictor(run, config)
    assert predictor.head.tuned == task.head.tuned
    assert predictor.answer(predictor.benchmark.load("dev")) == saved
    question = {"id": "new", "question": "Who?"}
    new = squad / "new.json"
    new.write_text(json.dumps({"data": [{"paragraphs": [{"context": "It was Ada.", "qas": [question]}]}]}))
    (answer,) = predictor.answer(predictor.benchmark.read(new))
    assert (answer.id, answer.gold, answer.text) == ("new", None, "Who?")
    assert answer.prediction in "It was Ada."
