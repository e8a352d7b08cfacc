"""Vocabularies trained by SentencePiece: unigram pieces, with the ids and symbols that Google trained ALBERT's with."""

import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sentencepiece
from tokenizers import AddedToken

from albert_lab.errors import UserError
from albert_lab.tokenizer.inputs import check_strings
from albert_lab.tokenizer.settings import SWITCHES, TYPES
from albert_lab.tokenizer.token_table import ROLES, Token, copy_token

if TYPE_CHECKING:
    from albert_lab.tokenizer.base import TokenizerBase

USER_SYMBOLS = ["(", ")", '"', "-", ".", "–", "£", "€"]  # Google's README; a list, since a quoted comma list is misread
_THREADS = 8  # fixed: partial sums are added thread by thread, so another number could change the pieces
_CHARACTER_COVERAGE = 0.99995  # Google's value
_NO_LENGTH_LIMIT = 1 << 30  # bytes of a sentence: SentencePiece leaves out longer ones

TokenizerT = TypeVar("TokenizerT", bound="TokenizerBase")


def train_pieces(sentences: Iterable[str], vocab_size: int, control_symbols: Sequence[str], **options: Any) -> bytes:
    """A `.model` of `vocab_size` pieces: padding, unknown, then `control_symbols`; the same bytes every time.

    options: more of SentencePieceTrainer's arguments.

    Raises: RuntimeError with SentencePiece's message, as for a size that the sentences can't give.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="unigram",
        vocab_size=vocab_size,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=list(control_symbols),
        user_defined_symbols=USER_SYMBOLS,
        shuffle_input_sentence=False,  # it is seeded by the clock
        num_threads=_THREADS,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


def smallest_vocab_size(error: RuntimeError) -> int | None:
    """What the characters need, where that is why `train_pieces` failed."""
    found = re.search(r"smaller than required_chars\. -?\d+ vs (\d+)", str(error))
    return int(found.group(1)) if found else None


def train_new_from_iterator(
    tokenizer: TokenizerT,
    text_iterator: Iterable[str | Iterable[str]],
    vocab_size: int,
    length: int | None = None,
    new_special_tokens: Sequence[Token] | None = None,
    special_tokens_map: Mapping[str, str] | None = None,
    character_coverage: float = _CHARACTER_COVERAGE,
) -> TokenizerT:
    """A tokenizer of the same class, settings and special tokens, its pieces trained on the texts.

    text_iterator: texts, or batches of them. vocab_size: pieces, special ones included; fewer where the texts don't
    give as many. length: unused, as there is no progress bar. special_tokens_map: other names for special tokens.

    Raises: UserError without text, and for a vocabulary too small for the texts' characters.
    """
    names = special_tokens_map or {}
    roles = {role: _rename(token, names) for role, token in tokenizer.special_tokens_map_extended.items()}
    additional = [*roles.pop("additional_special_tokens", []), *(new_special_tokens or [])]
    pad, unknown = str(roles.get("pad_token", "<pad>")), str(roles.get("unk_token", "<unk>"))
    boundaries = [roles[role] for role in ("cls_token", "sep_token", "mask_token") if role in roles]
    special = dict.fromkeys(str(token) for token in (*boundaries, *roles.values(), *additional))
    sentences = [tokenizer._preprocessing(text) for text in _iterate_texts(text_iterator)]
    if not any(sentences):
        raise UserError("a vocabulary can't be trained without text")
    try:
        model = train_pieces(
            sentences,
            vocab_size,
            [token for token in special if token not in (pad, unknown)],
            pad_piece=pad,
            unk_piece=unknown,
            character_coverage=character_coverage,
            hard_vocab_limit=False,
            max_sentence_length=_NO_LENGTH_LIMIT,
        )
    except RuntimeError as error:
        smallest = smallest_vocab_size(error)
        reason = f"their characters alone need {smallest}, or lower character_coverage" if smallest else error
        raise UserError(f"vocab_size={vocab_size} can't be trained on these texts: {reason}") from None
    return _make_like(tokenizer, model, {**dict.fromkeys(ROLES), **roles, "additional_special_tokens": additional})


def _make_like(tokenizer: TokenizerT, model: bytes, tokens: dict[str, Any]) -> TokenizerT:
    """A tokenizer of the same class and settings, of another vocabulary and other special tokens."""
    settings: dict[str, Any] = {name: getattr(tokenizer, name) for name in (*SWITCHES, *TYPES)}
    with tempfile.TemporaryDirectory(prefix="albert-lab-") as folder:
        file = Path(folder) / "spiece.model"
        file.write_bytes(model)
        made = type(tokenizer)(**settings, **tokens, vocab_file=str(file))  # type: ignore[call-arg]
    made.vocab_file = made.init_kwargs["vocab_file"] = None
    return made


def _rename(token: Token | list[Token], names: Mapping[str, str]) -> Any:
    if isinstance(token, list):
        return [_rename(one, names) for one in token]
    name = names.get(str(token))
    if name is None:
        return token
    return copy_token(token, content=name) if isinstance(token, AddedToken) else name


def _iterate_texts(texts: Iterable[str | Iterable[str]]) -> Iterator[str]:
    for item in texts:
        batch = list(item) if isinstance(item, Iterable) and not isinstance(item, str) else [item]
        check_strings("train_new_from_iterator", batch)
        yield from batch
