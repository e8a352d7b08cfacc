"""Builds a token store in one streaming pass: workers split and encode, one process writes in order."""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from albert_lab.config.training import TextFormat, TokenizerConfig
from albert_lab.data.corpora.corpus import Corpus
from albert_lab.data.corpora.documents import PART_CHARACTERS, Part, sentences_of
from albert_lab.data.store.text_encoder import TextEncoder, preprocess
from albert_lab.data.store.token_store import FILES, FORMAT_VERSION, is_held_out, token_dtype
from albert_lab.data.workers import ordered_map
from albert_lab.errors import UserError
from albert_lab.storage.digests import file_digest
from albert_lab.storage.disk import explain_full_disk
from albert_lab.storage.files import write_json
from albert_lab.storage.folders import build_folder

log = logging.getLogger(__name__)

_LOG_EVERY_SECONDS = 30.0


class EncodedParts(NamedTuple):
    """Some parts of a corpus as ids."""

    documents: list[int]  # number in the corpus of each part's document
    sentences: np.ndarray  # int64 [parts] sentences of each part
    lengths: np.ndarray  # int64 [sentences] tokens of each sentence
    ids: np.ndarray  # [tokens]


def build_store(
    folder: Path,
    corpus: Corpus,
    tokenizer: TokenizerConfig,
    model: bytes,
    recipe: dict[str, Any],
    workers: int | None = None,
) -> None:
    """Writes the token store `folder`, whole or not at all; `model` is the vocabulary. Call it under `lock(folder)`.

    Raises: UserError for a full disk, for a corpus without text and for a split without documents.
    """
    held_out = corpus.data.held_out
    encode = _Encoder(model, corpus.format, tokenizer.do_lower_case, tokenizer.keep_accents)
    with explain_full_disk(folder, "paths.cache", "about half the size of the text"), build_folder(folder) as scratch:
        with _Writer(scratch, encode.tokenizer.vocab_size, held_out) as writer:
            for encoded in ordered_map(encode, _group_parts(corpus.parts(workers)), workers):
                writer.add(encoded)
        manifest = writer.manifest() | {"recipe": recipe, "tokenizer": hashlib.blake2b(model).hexdigest()[:32]}
        _check_splits(manifest, held_out)
        write_json(scratch / "manifest.json", manifest)


def _check_splits(manifest: dict[str, Any], share: float) -> None:
    train, held_out = manifest["documents"]
    if not train or (share > 0 and not held_out):
        raise UserError(
            f"data.held_out={share} leaves {train} documents to train on and {held_out} held out; "
            f"the corpus has {train + held_out}: change data.held_out, or cut documents with data.document_pattern"
        )


def training_sentences(corpus: Corpus, tokenizer: TokenizerConfig, workers: int | None = None) -> Iterator[str]:
    """The preprocessed sentences of the documents that are not held out, in order, for training a vocabulary."""
    training = (part for part in corpus.parts(workers) if not is_held_out(part.document, corpus.data.held_out))
    split = _Splitter(corpus.format, tokenizer.do_lower_case, tokenizer.keep_accents)
    for sentences in ordered_map(split, _group_parts(training), workers):
        yield from sentences


def _group_parts(stream: Iterable[Part]) -> Iterator[list[Part]]:
    """Small documents together, so that a message between processes is worth its cost."""
    group, size = list[Part](), 0
    for part in stream:
        group.append(part)
        size += sum(map(len, part.lines))
        if size >= PART_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


@dataclass
class _Splitter:
    """Splits parts into preprocessed sentences; worker processes receive a copy."""

    line_format: TextFormat
    lower: bool
    keep_accents: bool

    def __call__(self, group: list[Part]) -> list[str]:
        sentences = (sentence for part in group for sentence in sentences_of(part.lines, self.line_format))
        return [preprocess(sentence, self.lower, self.keep_accents) for sentence in sentences]


@dataclass
class _Encoder:
    """Encodes parts; worker processes receive a copy, and each loads the model once."""

    model: bytes
    line_format: TextFormat
    lower: bool
    keep_accents: bool

    def __reduce__(self) -> tuple:
        return _Encoder, (self.model, self.line_format, self.lower, self.keep_accents)

    @cached_property
    def tokenizer(self) -> TextEncoder:
        return TextEncoder(self.model, lower=self.lower, keep_accents=self.keep_accents)

    def __call__(self, group: list[Part]) -> EncodedParts:
        texts = [sentences_of(part.lines, self.line_format) for part in group]
        ids, lengths = self.tokenizer.encode_flat([sentence for text in texts for sentence in text])
        part_of = np.repeat(np.arange(len(group)), [len(text) for text in texts])[lengths > 0]
        sentences = np.bincount(part_of, minlength=len(group))
        ids = ids.astype(token_dtype(self.tokenizer.vocab_size))
        return EncodedParts([part.document for part in group], sentences, lengths[lengths > 0], ids)


class _Writer:
    """Appends encoded parts to the store's files, and counts."""

    def __init__(self, folder: Path, vocab_size: int, held_out: float):
        self.folder, self.vocab_size, self.share = folder, vocab_size, held_out
        self.tokens = self.sentences = 0
        self.documents = [0, 0]
        self.split_sentences = [0, 0]
        self.counts = np.zeros((2, vocab_size), np.int64)
        self.document = -1  # number in the corpus of the one being written
        self.split = 0
        self._files: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()
        self._logged = time.monotonic()

    def __enter__(self) -> "_Writer":
        for name in FILES:
            self._files[name] = self._stack.enter_context(open(self.folder / name, "wb"))
        self._append("sentences.bin", 0)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            self._append("documents.bin", self.sentences)
            self._files["counts.bin"].write(self.counts.tobytes())
        self._stack.close()

    def add(self, encoded: EncodedParts) -> None:
        ends = self.tokens + np.cumsum(encoded.lengths, dtype=np.int64)
        self._files["tokens.bin"].write(encoded.ids.tobytes())
        self._files["sentences.bin"].write(ends.tobytes())
        first_sentence = 0
        for document, count in zip(encoded.documents, encoded.sentences.tolist(), strict=True):
            if count:
                self._start_document(document)
                sentences = slice(first_sentence, first_sentence + count)
                self._count_pieces(encoded, sentences)
                first_sentence += count
                self.sentences += count
        self.tokens += len(encoded.ids)
        self._log_progress()

    def _start_document(self, document: int) -> None:
        if document == self.document:
            return
        self.document = document
        self.split = int(is_held_out(document, self.share))
        self.documents[self.split] += 1
        self._append("documents.bin", self.sentences)
        self._files["held_out.bin"].write(bytes([self.split]))

    def _count_pieces(self, encoded: EncodedParts, sentences: slice) -> None:
        self.split_sentences[self.split] += sentences.stop - sentences.start
        first = int(encoded.lengths[: sentences.start].sum())
        ids = encoded.ids[first : first + int(encoded.lengths[sentences].sum())]
        pieces, times = np.unique(ids, return_counts=True)
        self.counts[self.split, pieces] += times

    def _append(self, name: str, number: int) -> None:
        self._files[name].write(np.int64(number).tobytes())

    def _log_progress(self) -> None:
        if time.monotonic() - self._logged > _LOG_EVERY_SECONDS:
            self._logged = time.monotonic()
            log.info("token store: %.1f million tokens of %d documents", self.tokens / 1e6, sum(self.documents))

    def manifest(self) -> dict[str, Any]:
        files = {
            name: {"bytes": (f := self.folder / name).stat().st_size, "checksum": file_digest(f)} for name in FILES
        }
        return {
            "format_version": FORMAT_VERSION,
            "vocab_size": self.vocab_size,
            "documents": self.documents,
            "sentences": self.split_sentences,
            "tokens": self.counts.sum(axis=1).tolist(),
            "files": files,
        }
