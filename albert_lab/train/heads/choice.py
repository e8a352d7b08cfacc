"""A context and several ways to go on, one of which is right: RACE, SWAG (Google's run_race.py and race_utils.py)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.cost.counts.weights import TaskHead
from albert_lab.data.tasks.examples import ChoiceExample
from albert_lab.errors import UserError
from albert_lab.model.torch.classification import AlbertForMultipleChoice
from albert_lab.scoring.predictions import Prediction
from albert_lab.train.heads.features import Features
from albert_lab.train.heads.head import Head, Outputs, Result


class Choice(Head[ChoiceExample]):
    """A score for each pair of context and choice; a softmax over an example's scores chooses.

    Of a choice the last `task.max_query_length` tokens are kept, of the context as many of its first ones as then fit.
    Answers are letters: A for the first choice.
    """

    model_class = AlbertForMultipleChoice
    flops = TaskHead.multiple_choice
    _choices = 0  # of an example

    def encode(self, rows: Sequence[ChoiceExample]) -> Features:
        self._choices = _count_choices(rows)
        passages = list(dict.fromkeys(row.context for row in rows))  # RACE asks several questions about each
        contexts = dict(zip(passages, self._tokenize(passages), strict=True))
        endings = iter(self._tokenize([ending for row in rows for ending in row.endings]))
        ids, segments = [], []
        for row in rows:
            for _ in row.endings:
                sequence, first = self._join(contexts[row.context], next(endings))
                ids.append(sequence)
                segments.append(first)
        labels = np.array([row.label or 0 for row in rows], np.int64)
        return Features(ids, segments, {"labels": labels}, rows_per_feature=self._choices)

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)[
            "input_ids"
        ]
        return ids

    def _join(self, context: list[int], ending: list[int]) -> tuple[np.ndarray, int]:
        """`[CLS] context [SEP] ending [SEP]`, and how many tokens the first segment has."""
        room = self.max_seq_length - 3
        second = ending[max(0, len(ending) - min(self.task.max_query_length, room)) :]
        first = context[: room - len(second)]
        cls, sep = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        # 32 bits: all of RACE is 130 million tokens.
        return np.array([cls, *first, sep, *second, sep], np.int32), len(first) + 2

    def gold(self, row: ChoiceExample) -> Any:
        return None if row.label is None else _letter(row.label)

    def model_options(self) -> dict[str, Any]:
        return {}

    def compute(self, model: nn.Module, batch: dict[str, Tensor]) -> Result:
        labels = batch["labels"]
        ids, mask, types = (
            batch[name].view(len(labels), -1, batch[name].shape[-1])
            for name in ("input_ids", "attention_mask", "token_type_ids")
        )
        logits = model(ids, None if bool(mask.all()) else mask, types).logits.float()
        losses = functional.cross_entropy(logits, labels, reduction="none")
        return Result(losses.sum(), (logits.argmax(-1) == labels).sum(), {"logits": logits, "loss": losses})

    def answer(self, rows: Sequence[ChoiceExample], features: Features, outputs: Sequence[Outputs]) -> list[Prediction]:
        return [self._answer(row, output) for row, output in zip(rows, outputs, strict=True)]

    def _answer(self, row: ChoiceExample, output: Outputs) -> Prediction:
        logits = output["logits"].astype(np.float64)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        scores = {_letter(number): float(share) for number, share in enumerate(shares)}
        loss = None if row.label is None else float(output["loss"])
        text = " ".join([row.context, *(f"[{_letter(place)}] {ending}" for place, ending in enumerate(row.endings))])
        return Prediction(row.id, self.gold(row), _letter(int(logits.argmax())), scores, loss, text, row.group)

    def chance_loss(self) -> float | None:
        return math.log(self._choices) if self._choices else None


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _count_choices(rows: Sequence[ChoiceExample]) -> int:
    counts = sorted({len(row.endings) for row in rows})
    if len(counts) > 1:
        raise UserError(f"all examples need the same number of choices, but some have {counts[0]}, some {counts[-1]}")
    return counts[0] if counts else 1


HEAD = Choice
