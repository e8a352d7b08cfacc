"""Stores: byte-identical builds, nothing left of a killed one, and refusal of whatever is not whole."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from albert_lab.config.schema import PretrainConfig
from albert_lab.data.prepare import PreparedData, prepare
from albert_lab.data.store import build as build_store
from albert_lab.data.store.text_encoder import TextEncoder
from albert_lab.data.store.token_store import FILES, TokenStore, is_held_out, unigram_entropy
from albert_lab.errors import UserError
from tests.data.conftest import corpus_of, prepare_data, text_config
from tests.lab import HANG_SECONDS, made_up_text


@pytest.fixture
def copy(store: TokenStore, tmp_path: Path) -> Path:
    """A copy of the store, to be damaged."""
    return Path(shutil.copytree(store.folder, tmp_path / "store"))


def test_a_store_holds_the_corpus(made_up: PretrainConfig, store: TokenStore, tokenizer: TextEncoder) -> None:
    texts = list(corpus_of(made_up).documents())
    ids = tokenizer.encode([sentence for text in texts for sentence in text])
    assert (store.tokens == np.concatenate(ids)).all()
    assert (np.diff(store.sentences) == [len(i) for i in ids]).all()
    assert (np.diff(store.documents) == [len(text) for text in texts]).all()
    held_out = [number for number in range(len(texts)) if is_held_out(number, made_up.data.held_out)]
    assert store.documents_of("held_out").tolist() == held_out
    assert len(store.documents_of("train")) == len(texts) - len(held_out)


def test_counts_are_those_of_each_splits_tokens(store: TokenStore) -> None:
    for split, counts in zip(("train", "held_out"), store.counts, strict=True):
        of_split = np.zeros(len(store.tokens), bool)
        for document in store.documents_of(split):
            first, end = store.sentences[store.documents[document : document + 2]]
            of_split[first:end] = True
        assert (counts == np.bincount(store.tokens[of_split], minlength=store.manifest["vocab_size"])).all()
        share = counts[counts > 0] / counts.sum()
        assert unigram_entropy(store, split) == pytest.approx(-(share * np.log(share)).sum())


def test_any_number_of_workers_gives_the_same_bytes(
    made_up: PretrainConfig, prepared: PreparedData, tmp_path: Path
) -> None:
    again = prepare(made_up.data, made_up.tokenizer, tmp_path, workers=3)
    assert again.tokenizer_file.read_bytes() == prepared.tokenizer_file.read_bytes()
    assert again.store.name == prepared.store.name
    for name in (*FILES, "manifest.json"):
        assert (again.store / name).read_bytes() == (prepared.store / name).read_bytes(), name


def test_what_is_there_is_used_as_it_is(made_up: PretrainConfig, prepared: PreparedData) -> None:
    files = [*prepared.store.iterdir(), prepared.tokenizer_file]
    before = {file: file.stat().st_mtime_ns for file in files}
    assert prepare_data(made_up) == prepared
    assert {file: file.stat().st_mtime_ns for file in files} == before


def test_a_given_vocabulary_must_have_the_size_that_is_set(
    made_up: PretrainConfig, prepared: PreparedData, tmp_path: Path
) -> None:
    config = text_config(tmp_path / "cache", *map(Path, made_up.data.files))
    config.tokenizer.model_file = str(prepared.tokenizer_file)
    config.tokenizer.vocab_size = 999
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size=999.*set tokenizer\.vocab_size=100"):
        prepare_data(config)
    config.tokenizer.vocab_size = 100
    assert prepare_data(config).tokenizer_file == prepared.tokenizer_file
    config.tokenizer.model_file = str(tmp_path / "absent.model")
    with pytest.raises(UserError, match="is not a file"):
        prepare_data(config)


def test_an_emptied_vocabulary_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(made_up_text(40))
    config = text_config(tmp_path / "cache", tmp_path / "text.txt")
    vocabulary = prepare_data(config).tokenizer_file
    vocabulary.unlink()
    with pytest.raises(UserError, match=f"{vocabulary.parent} holds no spiece.model; delete"):
        prepare_data(config)


def test_a_split_without_documents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(made_up_text(1))
    config = text_config(tmp_path / "cache", tmp_path / "one.txt")
    config.tokenizer.vocab_size = 60
    with pytest.raises(UserError, match=r"data\.held_out=0\.2|no training document"):
        prepare_data(config)
    assert not list((tmp_path / "cache").glob("stores/[!.]*[!k]"))


def test_held_out_is_a_fair_share_of_documents() -> None:
    """2 % of 20,000 within 5 sigma."""
    share = np.mean([is_held_out(number, 0.02) for number in range(20_000)])
    assert abs(share - 0.02) < 5 * np.sqrt(0.02 * 0.98 / 20_000)
    assert not is_held_out(3, 0.0)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_or_absent_file_is_refused(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-1])
    with pytest.raises(UserError, match=f"{name} has .* bytes.*delete {copy}"):
        TokenStore(copy)
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"lacks {name}"):
        TokenStore(copy)


def test_damage_is_found_by_checksum(copy: Path) -> None:
    content = bytearray((copy / "tokens.bin").read_bytes())
    content[100] ^= 1
    (copy / "tokens.bin").write_bytes(content)
    TokenStore(copy)
    with pytest.raises(UserError, match=r"tokens\.bin is damaged"):
        TokenStore(copy, check_sums=True)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [(None, "no manifest"), ("{", "is not JSON"), ("[]", "holds a list"), ('{"format_version": 99}', "format 99")],
)
def test_a_foreign_folder_is_refused(copy: Path, manifest: str | None, message: str) -> None:
    (copy / "manifest.json").unlink()
    if manifest is not None:
        (copy / "manifest.json").write_text(manifest)
    with pytest.raises(UserError, match=message):
        TokenStore(copy)


def leftovers(cache: Path) -> list[str]:
    return [file.name for file in cache.rglob("*") if file.is_file() and file.suffix not in (".lock", ".json")]


def test_a_full_disk_is_reported_and_leaves_nothing(
    tmp_path: Path, made_up: PretrainConfig, prepared: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = text_config(tmp_path / "cache", *map(Path, made_up.data.files))
    config.tokenizer.model_file = str(prepared.tokenizer_file)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build_store._Writer, "add", full)
    with pytest.raises(UserError, match=r"disk is full.*MB free.*paths\.cache="):
        prepare_data(config)
    assert leftovers(tmp_path / "cache") == []


def test_a_killed_build_leaves_no_store_and_the_next_succeeds(tmp_path: Path, prepared: PreparedData) -> None:
    (tmp_path / "corpus.txt").write_text(made_up_text(200))
    slow = (
        "import sys, time; from pathlib import Path\n"
        "from albert_lab.data.store import build as build_store\n"
        "from tests.data.conftest import prepare_data, text_config\n"
        "def add(self, encoded):\n"
        "    real(self, encoded); print('writing', flush=True); time.sleep(60)\n"
        "real, build_store._Writer.add = build_store._Writer.add, add\n"
        "config = text_config(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "config.tokenizer.model_file = sys.argv[3]\n"
        "prepare_data(config, workers=int(sys.argv[4]))\n"
    )
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", slow, str(cache), str(tmp_path / "corpus.txt"), str(prepared.tokenizer_file), "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    workers = children_of(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not [
        folder for folder in (cache / "stores").iterdir() if folder.is_dir() and not folder.name.startswith(".")
    ]
    config = text_config(cache, tmp_path / "corpus.txt")
    config.tokenizer.model_file = str(prepared.tokenizer_file)
    store = TokenStore(prepare_data(config).store, check_sums=True)
    assert not list(store.folder.parent.glob(".*.partial"))
    assert_gone(workers)


def children_of(process: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(process).children(recursive=True)]


def assert_gone(processes: list[int]) -> None:
    """Workers end with the process that started them."""
    deadline = time.monotonic() + HANG_SECONDS
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < deadline, processes
        time.sleep(0.05)


def test_identity_follows_names_and_contents_not_paths(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "text.txt").write_text("One.\nTwo.\n")
    first, second = (corpus_of(text_config(tmp_path, tmp_path / f / "text.txt")).identity() for f in ("a", "b"))
    assert first == second
    (tmp_path / "b" / "text.txt").write_text("One.\nTwo!\n")
    assert corpus_of(text_config(tmp_path, tmp_path / "b" / "text.txt")).identity() != first


def test_a_files_digest_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.txt"
    file.write_text("One.\nTwo.\n")
    config = text_config(tmp_path / "cache", file)
    first = corpus_of(config).identity()
    assert json.loads((tmp_path / "cache" / "digests.json").read_text())
    monkeypatch.setattr("albert_lab.storage.digests.file_digest", lambda _: pytest.fail("read again"))
    assert corpus_of(config).identity() == first


def test_identity_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from albert_lab.config.training import DataConfig\n"
        "from albert_lab.data.corpora.corpus import open_corpus\n"
        "assert open_corpus(DataConfig(), Path('unused')).identity()['packages']\n"
        "heavy = {'numpy', 'sentencepiece', 'pyarrow', 'datasets', 'torch', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "ALBERT_LAB_CACHE": "unused"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], env=environment)
