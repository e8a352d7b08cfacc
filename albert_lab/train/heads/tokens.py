"""Sentences with a label for every word: named entities, parts of speech (BERT, arXiv:1810.04805, section 5.3)."""

import logging
import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.cost.counts.weights import TaskHead
from albert_lab.data.tasks.examples import TokenExample
from albert_lab.model.torch.classification import AlbertForTokenClassification
from albert_lab.scoring.predictions import Prediction
from albert_lab.train.heads.features import IGNORED, Features
from albert_lab.train.heads.head import Head, Outputs, Result

log = logging.getLogger(__name__)

OUTSIDE = "O"


class Tokens(Head[TokenExample]):
    """A classifier on the first piece of every word.

    A sentence that is too long loses its last words: they aren't learnt from, but are answered `O` and counted, so that
    no word is left out of the score. Where no label is called `O`, they are answered by "", which is never right.
    """

    model_class = AlbertForTokenClassification
    flops = TaskHead.token_classification

    def encode(self, rows: Sequence[TokenExample]) -> Features:
        pieces = self._split_words({word for row in rows for word in row.words})
        room, cls, sep = self.max_seq_length - 2, self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        ids, targets, cut = [], [], []
        for row in rows:
            parts = [pieces[word] for word in row.words]
            firsts = np.cumsum([0, *map(len, parts)])[:-1]  # of every word
            firsts = firsts[firsts < room]
            kept = list(chain.from_iterable(parts))[:room]
            labels = np.full(len(kept) + 2, IGNORED)
            labels[firsts + 1] = 0 if row.labels is None else row.labels[: len(firsts)]
            ids.append(np.array([cls, *kept, sep], np.int64))
            targets.append(labels)
            cut.append(len(row.words) - len(firsts))
        if any(cut):
            log.warning(
                "%d words of %d sentences are beyond task.max_seq_length=%d tokens, and answered as outside entities",
                sum(cut), np.count_nonzero(cut), self.max_seq_length,
            )  # fmt: skip
        counts = np.array([len(row.words) - missing for row, missing in zip(rows, cut, strict=True)], np.int64)
        return Features(ids, [len(row) for row in ids], {}, {"labels": targets}, counts=counts)

    def _split_words(self, words: Iterable[str]) -> dict[str, list[int]]:
        """The ids of every word's pieces, as `is_split_into_words=True` gives them: each word is a text of its own.

        A word that has no pieces, a zero-width space for example, is an unknown one.
        """
        texts = list(words)
        ids = self.tokenizer(texts, add_special_tokens=False, truncation=False)["input_ids"]
        return {word: pieces or [self.tokenizer.unk_token_id] for word, pieces in zip(texts, ids, strict=True)}

    def gold(self, row: TokenExample) -> Any:
        return None if row.labels is None else [self.label_names[label] for label in row.labels]

    def compute(self, model: nn.Module, batch: dict[str, Tensor]) -> Result:
        mask, labels = batch["attention_mask"], batch["labels"]
        logits = model(batch["input_ids"], None if bool(mask.all()) else mask, batch["token_type_ids"]).logits.float()
        losses = functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
        )
        losses, tags = losses.view_as(labels), logits.argmax(-1)
        means = losses.detach().sum(1) / (labels != IGNORED).sum(1)
        return Result(losses.sum(), (tags == labels).sum(), {"tags": tags, "loss": means})

    def answer(self, rows: Sequence[TokenExample], features: Features, outputs: Sequence[Outputs]) -> list[Prediction]:
        targets = features.token_targets["labels"]
        return [self._answer(*each) for each in zip(rows, targets, outputs, strict=True)]

    def _answer(self, row: TokenExample, targets: np.ndarray, output: Outputs) -> Prediction:
        tags = output["tags"][: len(targets)][targets != IGNORED]
        outside = OUTSIDE if OUTSIDE in self.label_names else ""
        answers = [self.label_names[tag] for tag in tags] + [outside] * (len(row.words) - len(tags))
        loss = None if row.labels is None else float(output["loss"])
        return Prediction(row.id, self.gold(row), answers, loss=loss, text=" ".join(row.words))

    def chance_loss(self) -> float | None:
        return math.log(len(self.label_names))


HEAD = Tokens
