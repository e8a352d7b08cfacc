"""Questions whose answer is a part of their context: SQuAD 1.1 and 2.0 (Google's run_squad_v1.py, run_squad_v2.py)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from albert_lab.cost.counts.weights import TaskHead
from albert_lab.data.spans.n_best import Candidates, FoundAnswer, find_answers, pair_ends
from albert_lab.data.spans.windows import Windows, make_windows
from albert_lab.data.tasks.examples import SpanExample
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.model.torch.question_answering import (
    AlbertForQuestionAnswering,
    AlbertForQuestionAnsweringV2,
    position_losses,
)
from albert_lab.scoring.answers import find_threshold
from albert_lab.scoring.predictions import Prediction
from albert_lab.train.heads.features import Features
from albert_lab.train.heads.head import Head, Outputs, Result

THRESHOLD = "null_threshold"  # a question whose null score is above it is not answered


@dataclass(frozen=True, kw_only=True)
class WindowFeatures(Features):
    """A feature for each window of each question."""

    windows: Windows


class Spans(Head[SpanExample]):
    """Where an answer starts and ends in each window of its context.

    With `task.no_answer` it is Google's second head, whose "null score" is the logit of "no answer", the least over a
    question's windows. The threshold from which there is none is chosen by F1 on the main held-out split, as the
    official script does: on the very questions that the run is judged by.

    Deviations from Google's code: padding can't be an answer in the first head either, so that a loss doesn't depend
    on what else is in the batch; a question without a single possible answer gets "", not "empty".
    """

    has_accuracy = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        if self.task.no_answer:
            self.tuned = {THRESHOLD: 0.0}  # as likely as not

    @property
    def model_class(self) -> type[AlbertPreTrainedModel]:  # type: ignore[override]
        return AlbertForQuestionAnsweringV2 if self.task.no_answer else AlbertForQuestionAnswering

    @property
    def flops(self) -> TaskHead:  # type: ignore[override]
        return TaskHead.question_answering_v2 if self.task.no_answer else TaskHead.question_answering

    def model_options(self) -> dict[str, Any]:
        return {}

    def encode(self, rows: Sequence[SpanExample]) -> WindowFeatures:
        windows = make_windows(rows, self.tokenizer, self.task, self.max_seq_length)
        targets = {"start_positions": windows.starts, "end_positions": windows.ends}
        return WindowFeatures(
            windows.ids, windows.paragraphs.tolist(), targets, examples=windows.examples, windows=windows
        )

    def gold(self, row: SpanExample) -> list[str] | None:
        return None if row.impossible is None else [answer.text for answer in row.answers]

    def compute(self, model: nn.Module, batch: dict[str, Tensor]) -> Result:
        compute = self._compute_beams if self.task.no_answer else self._compute_logits
        losses, outputs = compute(model, batch)
        return Result(losses.sum(), losses.new_zeros(()), outputs | {"loss": losses.detach()})

    def _compute_logits(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        mask = batch["attention_mask"]
        output = model(batch["input_ids"], None if bool(mask.all()) else mask, batch["token_type_ids"])
        starts, ends = (
            logits.float().masked_fill(~mask, torch.finfo(torch.float32).min)
            for logits in (output.start_logits, output.end_logits)
        )
        losses = position_losses(starts, batch["start_positions"]) + position_losses(ends, batch["end_positions"])
        return losses / 2, {"start_logits": starts, "end_logits": ends}

    def _compute_beams(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        mask, kinds = batch["attention_mask"], batch["token_type_ids"]
        place = torch.arange(mask.shape[1], device=mask.device)
        in_paragraph = (kinds == 1) & (place < mask.sum(1, keepdim=True) - 1)  # without the last [SEP]
        output = model(
            batch["input_ids"],
            None if bool(mask.all()) else mask,
            kinds,
            start_positions=batch["start_positions"],
            end_positions=batch["end_positions"],
            is_impossible=batch["end_positions"] == 0,
            p_mask=~(in_paragraph | (place == 0)),  # the [CLS] stands for no answer
            return_beam=not model.training,
        )
        beams = ("start_top_index", "start_top_log_probs", "end_top_index", "end_top_log_probs", "cls_logits")
        return output.losses, {name: output[name] for name in beams if name in output}

    def answer(self, rows: Sequence[SpanExample], features: Features, outputs: Sequence[Outputs]) -> list[Prediction]:
        assert isinstance(features, WindowFeatures)
        windows = features.windows
        offer = self._offer_beams if self.task.no_answer else self._offer_logits
        candidates = [offer(output, len(ids)) for output, ids in zip(outputs, windows.ids, strict=True)]
        found = find_answers(windows, candidates, self.task)
        firsts = np.searchsorted(windows.examples, np.arange(len(rows) + 1))
        return [
            self._answer(row, answers, outputs[first:end])
            for row, answers, first, end in zip(rows, found, firsts, firsts[1:], strict=False)
        ]

    def _offer_logits(self, output: Outputs, length: int) -> Candidates:
        starts, ends = (output[name][:length].astype(np.float64) for name in ("start_logits", "end_logits"))
        return pair_ends(starts, ends, self.task.n_best)

    def _offer_beams(self, output: Outputs, length: int) -> Candidates:
        starts, ends = (output[name].astype(np.float64) for name in ("start_top_log_probs", "end_top_log_probs"))
        return Candidates(output["start_top_index"], starts, output["end_top_index"], ends)

    def _answer(self, row: SpanExample, answers: list[FoundAnswer], outputs: Sequence[Outputs]) -> Prediction:
        gold = self.gold(row)
        scores = {"best": answers[0].score} if answers else {}
        if self.task.no_answer:
            scores["null"] = min(float(output["cls_logits"]) for output in outputs)
        text = answers[0].text if answers and self._is_answered(scores) else ""
        loss = math.fsum(float(output["loss"]) for output in outputs) / len(outputs)
        details = [answer._asdict() for answer in answers]
        return Prediction(row.id, gold, text, scores, None if gold is None else loss, row.question, details=details)

    def tune(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        known = [prediction for prediction in predictions if prediction.gold is not None]
        if not self.task.no_answer or not known:
            return list(predictions)
        texts, golds = map(_best_text, known), [prediction.gold for prediction in known]
        nulls = [prediction.scores["null"] for prediction in known]
        self.tuned = {THRESHOLD: find_threshold(list(texts), golds, nulls).value}
        return [
            replace(prediction, prediction=_best_text(prediction) if self._is_answered(prediction.scores) else "")
            for prediction in predictions
        ]

    def _is_answered(self, scores: Mapping[str, float]) -> bool:
        return not self.task.no_answer or scores["null"] <= self.tuned[THRESHOLD]


def _best_text(prediction: Prediction) -> str:
    return prediction.details[0]["text"] if prediction.details else ""


HEAD = Spans
