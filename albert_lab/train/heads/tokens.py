"""Sentences with a label for every word: named entities, parts of speech (BERT, arXiv:1810.04805, section 5.3)."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.cost.counts.flops import TaskHead
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
    a shorter `task.max_seq_length` makes no score better. Where no label is called `O`, they are answered by "".
    """

    model_class = AlbertForTokenClassification
    flops = TaskHead.token_classification

    def encode(self, rows: Sequence[TokenExample]) -> Features:
        pieces, cut = self._split_words(rows), []
        ids, targets = [], []
        for row, (row_pieces, firsts) in zip(rows, pieces, strict=True):
            kept = row_pieces[: self.max_seq_length - 2]
            firsts = firsts[firsts < len(kept)]
            labels = np.full(len(kept) + 2, IGNORED)
            labels[firsts + 1] = 0 if row.labels is None else row.labels[: len(firsts)]
            ids.append(np.array([self.tokenizer.cls_token_id, *kept, self.tokenizer.sep_token_id], np.int64))
            targets.append(labels)
            cut.append(len(row.words) - len(firsts))
        if any(cut):
            log.warning(
                "%d words of %d sentences are beyond task.max_seq_length=%d tokens, and answered as outside entities",
                sum(cut), np.count_nonzero(cut), self.max_seq_length,
            )  # fmt: skip
        counts = np.array([np.count_nonzero(labels != IGNORED) for labels in targets], np.int64)
        return Features(ids, [len(row) for row in ids], {}, {"labels": targets}, counts=counts)

    def _split_words(self, rows: Sequence[TokenExample]) -> list[tuple[list[int], np.ndarray]]:
        """(ids of its pieces, where each word's first one is) of every sentence.

        A word that has no pieces, a zero-width space for example, is an unknown one.
        """
        sentences = [list(row.words) for row in rows]
        split = self._split(sentences)
        for number, (words, (_, firsts)) in enumerate(zip(sentences, split, strict=True)):
            if len(firsts) < len(words):
                known = [word if self.tokenizer.tokenize(word) else self.tokenizer.unk_token or "" for word in words]
                split[number] = self._split([known])[0]
        return split

    def _split(self, sentences: list[list[str]]) -> list[tuple[list[int], np.ndarray]]:
        encoded = self.tokenizer(sentences, is_split_into_words=True, add_special_tokens=False, truncation=False)
        words = [np.array(encoded.word_ids(number), np.int64) for number in range(len(sentences))]
        return [
            (ids, np.flatnonzero(np.diff(numbers, prepend=-1)))
            for ids, numbers in zip(encoded["input_ids"], words, strict=True)
        ]

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
