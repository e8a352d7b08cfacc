"""Vocabularies and tokenizers."""

from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from albert_lab import AlbertTokenizer, AlbertTokenizerFast
from albert_lab.data.store.text_encoder import TextEncoder
from albert_lab.tokenizer.training import train_pieces
from tests.faults.kind import Kind
from tests.faults.model_files import JSON
from tests.faults.mutations import ANY_BYTES
from tests.lab import made_up_text

TEXT = "Ba dolu [MASK] brand new (menki) 1,000 sol, a-b. ``c'' Ünder \u2581 \U0001f600"


def make_vocabulary(folder: Path) -> None:
    lines = [line for line in made_up_text(10).splitlines() if line]
    model = train_pieces(lines, 90, ["[CLS]", "[SEP]", "[MASK]"], character_coverage=1.0)
    (folder / "spiece.model").write_bytes(model)


def make_tokenizer(folder: Path) -> None:
    make_vocabulary(folder)
    tokenizer = AlbertTokenizer(str(folder / "spiece.model"), model_max_length=64)
    tokenizer.add_tokens(["brand new"])
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken("<x>", rstrip=True)]})
    tokenizer.save_pretrained(folder)


def make_tokenizer_json(folder: Path) -> None:
    """What transformers 5 saves."""
    make_tokenizer(folder)
    for name in ("spiece.model", "added_tokens.json", "special_tokens_map.json"):
        (folder / name).unlink()


def make_older_tokenizer(folder: Path) -> None:
    """Before transformers 4.34: special and added tokens in files of their own."""
    make_tokenizer(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "max_len": 64}')


def read_vocabulary(folder: Path) -> None:
    encoder = TextEncoder.load(folder / "spiece.model")
    encoder.decode(encoder.encode([TEXT, ""])[0])
    assert len(encoder.word_starts) == encoder.vocab_size
    use_tokenizer(AlbertTokenizer(str(folder / "spiece.model")))


def read_tokenizer(folder: Path) -> None:
    use_tokenizer(AlbertTokenizer.from_pretrained(folder))
    use_tokenizer(AlbertTokenizerFast.from_pretrained(folder))


def use_tokenizer(tokenizer: Any) -> None:
    encoded = tokenizer([TEXT, "ba"], padding=True, truncation=True, return_offsets_mapping=tokenizer.is_fast)
    tokenizer.batch_decode(encoded["input_ids"], skip_special_tokens=True)
    len(tokenizer.get_vocab())


TOKENIZER_FILES = (
    Kind("spiece.model", make_vocabulary, {"spiece.model": ANY_BYTES}, read_vocabulary, share=2),
    Kind("tokenizer.json", make_tokenizer_json, {"*.json": JSON}, read_tokenizer),
    Kind("tokenizer_config.json", make_tokenizer, {"tokenizer_config.json": JSON}, read_tokenizer),
    Kind(
        "older-tokenizer-files",
        make_older_tokenizer,
        {"special_tokens_map.json": JSON, "added_tokens.json": JSON, "tokenizer_config.json": JSON},
        read_tokenizer,
    ),
)
