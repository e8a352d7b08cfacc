"""Both tokenizers on the small vocabulary of the golden files."""

import json
from pathlib import Path
from typing import Any

import pytest

from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from tests.lab import ROOT

GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def own_model() -> Path:
    return GOLDEN / "own.model"


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    found = json.loads((GOLDEN / "tokenizer_own.json").read_text(encoding="ascii"))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="session")
def slow(own_model: Path) -> AlbertTokenizer:
    return AlbertTokenizer(str(own_model))


@pytest.fixture(scope="session")
def fast(own_model: Path) -> AlbertTokenizerFast:
    return AlbertTokenizerFast(str(own_model))


@pytest.fixture(params=[AlbertTokenizer, AlbertTokenizerFast], ids=["slow", "fast"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Either class, for what both do."""
    return request.param


@pytest.fixture
def either(kind: Any, own_model: Path) -> Any:
    return kind(str(own_model))
