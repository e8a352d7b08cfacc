"""`tokenizer.json`, the file of the `tokenizers` library: written for other tools, read as a SentencePiece model."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from albert_lab.errors import UserError
from albert_lab.storage.files import read_object
from albert_lab.tokenizer.model_proto import UNIGRAM, Kind, ModelProto, Piece, read_model, write_model
from albert_lab.tokenizer.piece_model import has_comma
from albert_lab.tokenizer.preprocessing import Preprocessing

_COMMA_PENALTY = 100.0  # as in transformers: a piece like "000," never wins, so that the comma is a piece of its own


def make_backend_tokenizer(
    model: bytes, preprocessing: Preprocessing, added: Mapping[int, AddedToken], around: tuple[str, str]
) -> Tokenizer:
    """The nearest tokenizer that the `tokenizers` library can run.

    Symbols that SentencePiece never splits ("(", "-") stay pieces rather than added tokens, after which this library
    would put a space. around: the tokens before and after a text.

    Raises: UserError for a vocabulary that isn't unigram.
    """
    proto = read_model(model)
    if proto.model_type != UNIGRAM:
        raise UserError("tokenizer.json is written for unigram vocabularies only, and this one is of another type")
    unknown = next(index for index, piece in enumerate(proto.pieces) if piece.kind is Kind.unknown)
    scores = [(piece.text, piece.score - _COMMA_PENALTY * has_comma(piece.text)) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = _make_normalizer(preprocessing, proto.charsmap)
    words, spaces = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, spaces])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    for _, token in sorted(added.items()):
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    start, end = around
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start}:0 $A:0 {end}:0",
        pair=f"{start}:0 $A:0 {end}:0 $B:1 {end}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in dict.fromkeys(around)],
    )
    return tokenizer


def is_unigram(model: bytes) -> bool:
    """Whether a SentencePiece model is of the type that `make_backend_tokenizer` takes."""
    return read_model(model).model_type == UNIGRAM


def _make_normalizer(preprocessing: Preprocessing, charsmap: bytes) -> normalizers.Normalizer:
    steps: list[normalizers.Normalizer] = []
    if preprocessing.quotes:
        steps += [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not preprocessing.keep_accents:
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if preprocessing.lower:
        steps.append(normalizers.Lowercase())
    if charsmap:
        steps.append(normalizers.Precompiled(charsmap))
    return normalizers.Sequence(steps)


def read_tokenizer_json(file: str | os.PathLike[str]) -> bytes:
    """The SentencePiece model that an ALBERT's `tokenizer.json` was made from, rebuilt: the bytes of a `.model` file.

    Raises: UserError for a file that can't be read, or whose model isn't unigram.
    """
    path = os.fspath(file)
    try:
        content = read_object(Path(path))
    except UserError as error:
        raise UserError(f"tokenizer_file={error}") from None
    try:
        return write_model(_rebuild_model(content))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise UserError(f"tokenizer_file={path} is not a unigram tokenizer.json") from None


def _rebuild_model(content: dict[str, Any]) -> ModelProto:
    model = content["model"]
    if model["type"] != "Unigram":
        raise ValueError(model["type"])
    special = {token["id"] for token in content["added_tokens"] if token["special"]}
    pieces = [
        _rebuild_piece(text, float(score), index in special, index == model["unk_id"])
        for index, (text, score) in enumerate(model["vocab"])
    ]
    steps = (content.get("normalizer") or {}).get("normalizers", [])
    charsmap = next((base64.b64decode(s["precompiled_charsmap"]) for s in steps if s["type"] == "Precompiled"), b"")
    return ModelProto(pieces, UNIGRAM, "nmt_nfkc" if charsmap else "identity", charsmap)


def _rebuild_piece(text: str, score: float, special: bool, unknown: bool) -> Piece:
    """Only pieces that SentencePiece didn't learn have no score: control pieces, and symbols that it never splits."""
    if has_comma(text) and score <= -_COMMA_PENALTY:
        score += _COMMA_PENALTY
    if unknown:
        return Piece(text, score, Kind.unknown)
    if special:
        return Piece(text, score, Kind.control)
    return Piece(text, score, Kind.user_defined if score == 0 else Kind.normal)
