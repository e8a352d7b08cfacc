"""A corpus is one class: nothing else has to know it; each checks its own settings."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_lab.config.training import DataConfig, ObjectiveConfig, TokenizerConfig
from albert_lab.data.corpora.corpus import Corpus, open_corpus
from albert_lab.data.corpora.documents import Line
from albert_lab.data.prepare import open_samples, prepare
from albert_lab.errors import UserError
from tests.lab import made_up_text


class MadeUpCorpus(Corpus):
    """`data.split` is the seed of the text."""

    name = "made_up"

    def check_settings(self) -> None:
        if not self.data.split.isdigit():
            raise UserError("data=made_up needs data.split=SEED")

    def identity(self) -> dict[str, Any]:
        return {"corpus": "made_up", "seed": self.data.split}

    def lines(self, workers: int | None = None) -> Iterator[Line]:
        for document in made_up_text(100, seed=int(self.data.split)).split("\n\n"):
            for number, sentence in enumerate(document.splitlines()):
                yield Line(number == 0, sentence)


def test_a_new_corpus_goes_all_the_way_to_samples(tmp_path: Path) -> None:
    data, tokenizer = DataConfig("made_up", split="7", held_out=0.2), TokenizerConfig(vocab_size=100)
    assert open_corpus(data, tmp_path).identity() == {"corpus": "made_up", "seed": "7"}
    prepared = prepare(data, tokenizer, tmp_path, workers=2)
    assert sum(prepared.documents) == 100
    assert prepare(replace(data, split="8"), tokenizer, tmp_path, workers=1).store != prepared.store
    samples = open_samples(prepared, ObjectiveConfig(max_seq_length=32), seed=0)
    assert samples.batch(np.arange(4)).masked_labels.size


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DataConfig("txt"), r"data\.corpus='txt' is not a corpus; did you mean 'text'\?"),
        (DataConfig("wiki"), r"data\.corpus='wiki' is not a corpus; known: docstrings, hub, made_up, text"),
        (DataConfig("text"), r"data=text needs data\.files=\[PATH,\.\.\.\]"),
        (DataConfig("hub"), r"data=hub needs data\.dataset=NAME"),
        (DataConfig("made_up"), r"data=made_up needs data\.split=SEED"),
    ],
)
def test_a_bad_setting_is_named_when_the_corpus_is_opened(data: DataConfig, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        open_corpus(data, tmp_path)
