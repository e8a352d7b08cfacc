"""A made-up corpus, its vocabulary and store, built once for these tests."""

from pathlib import Path

import pytest

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import DataConfig, ObjectiveConfig
from albert_lab.data.corpora.corpus import Corpus, open_corpus
from albert_lab.data.prepare import PreparedData, prepare
from albert_lab.data.store.text_encoder import TextEncoder
from albert_lab.data.store.token_store import TokenStore
from tests.lab import SHARED_DATA, made_up_text

VOCAB_SIZE = 100


def text_config(cache: Path, *files: Path) -> PretrainConfig:
    """Local files of one sentence per line, a small vocabulary, a fifth held out."""
    config = PretrainConfig()
    config.paths.cache = str(cache)
    config.data = DataConfig(corpus="text", files=[str(file) for file in files], held_out=0.2)
    config.tokenizer.vocab_size = VOCAB_SIZE
    config.objective = ObjectiveConfig(max_seq_length=64)
    return config


def corpus_of(config: PretrainConfig) -> Corpus:
    return open_corpus(config.data, Path(config.paths.cache))


def prepare_data(config: PretrainConfig, workers: int = 1) -> PreparedData:
    return prepare(config.data, config.tokenizer, Path(config.paths.cache), workers)


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> PretrainConfig:
    folder = tmp_path_factory.mktemp("made_up")
    (folder / "corpus.txt").write_text(made_up_text(200))
    return text_config(folder / "cache", folder / "corpus.txt")


@pytest.fixture(scope="session")
def prepared(made_up: PretrainConfig) -> PreparedData:
    return prepare_data(made_up)


@pytest.fixture(scope="session")
def store(prepared: PreparedData) -> TokenStore:
    return TokenStore(prepared.store, check_sums=True)


@pytest.fixture(scope="session")
def tokenizer(prepared: PreparedData) -> TextEncoder:
    return TextEncoder.load(prepared.tokenizer_file)


@pytest.fixture(scope="session")
def spiece() -> Path:
    """ALBERT's English vocabulary, if the shared data lies next to the repository."""
    file = SHARED_DATA / "spm" / "spiece.model"
    if not file.exists():
        pytest.skip(f"{file} is not here: the shared data is for development only")
    return file
