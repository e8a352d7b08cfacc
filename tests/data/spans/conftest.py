"""A small vocabulary that reads English, and questions about made-up paragraphs."""

import pytest

from albert_lab.data.tasks.examples import SpanExample
from albert_lab.tokenizer import AlbertTokenizerFast
from tests.data.spans.questions import make_questions
from tests.lab import ROOT


@pytest.fixture(scope="session")
def fast() -> AlbertTokenizerFast:
    return AlbertTokenizerFast(str(ROOT / "tests" / "golden" / "own.model"))


@pytest.fixture(scope="session")
def questions() -> list[SpanExample]:
    return make_questions(40)
