"""A vocabulary in any language is one command, and its folder is a tokenizer here and in transformers."""

import random
from pathlib import Path

import pytest
import transformers

from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from tests.lab import Lab, folder_of

ALPHABETS = {
    "greek": "αβγδεζηθικλμνξοπρσςτυφχψω",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "japanese": "かきくけこさしすせそなにぬねの日本語学生",
}


def corpus(alphabet: str, seed: int = 0) -> str:
    draw = random.Random(seed)
    words = ["".join(draw.choices(alphabet, k=draw.randint(2, 7))) for _ in range(300)]
    weights = [1 / rank for rank in range(1, 301)]
    lines = [" ".join(draw.choices(words, weights, k=draw.randint(4, 12))) + ", 1,234." for _ in range(800)]
    return "\n".join(line + "\n" if number % 8 == 7 else line for number, line in enumerate(lines)) + "\n"


@pytest.mark.parametrize("language", ALPHABETS)
def test_one_command_makes_a_tokenizer_that_transformers_reads(language: str, lab: Lab, tmp_path: Path) -> None:
    text = corpus(ALPHABETS[language])
    (tmp_path / "corpus.txt").write_text(text, encoding="utf-8")
    command = ["vocabulary", "data=text", "data.files=[corpus.txt]", "tokenizer.vocab_size=150"]
    folder = folder_of(lab(*command))
    assert folder == folder_of(lab(*command)), "the same command, the same folder"
    assert folder.is_relative_to(tmp_path / "runs")

    slow, fast = AlbertTokenizer.from_pretrained(folder), AlbertTokenizerFast.from_pretrained(folder)
    theirs = transformers.AlbertTokenizer.from_pretrained(folder)
    lines = text.splitlines()[:50]
    ids = fast(lines)["input_ids"]
    assert ids == slow(lines)["input_ids"]
    assert ids == theirs(lines)["input_ids"]
    assert len(fast) == 150
    assert sum(row.count(slow.unk_token_id) for row in ids) == 0
    assert fast.decode(ids[0], skip_special_tokens=True) == fast._preprocessing(lines[0])


def test_a_vocabulary_larger_than_the_corpus_allows_costs_one_line(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text(corpus(ALPHABETS["greek"]), encoding="utf-8")
    result = lab("vocabulary", "data=text", "data.files=[corpus.txt]", "tokenizer.vocab_size=29000")
    assert result.returncode == 2
    assert "the largest that works is" in result.stderr
    assert not (tmp_path / "runs").exists()
