"""Methods of a tokenizer that need nothing but its public ones."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from albert_lab.tokenizer.batch_encoding import BatchEncoding
from albert_lab.tokenizer.inputs import Input

if TYPE_CHECKING:
    from albert_lab.tokenizer.base import TokenizerBase


def encode(
    tokenizer: "TokenizerBase",
    text: Input | Sequence[int],
    text_pair: Input | Sequence[int] | None = None,
    **options: Any,
) -> Any:
    """The `input_ids` of one text or pair; a list of tokens or of ids counts as one text already split.

    options: the arguments of a call.
    """
    if isinstance(text, str) or options.get("is_split_into_words"):
        return tokenizer(text, text_pair, **options)["input_ids"]  # type: ignore[arg-type]
    first, second = _ids_of(tokenizer, text), None if text_pair is None else _ids_of(tokenizer, text_pair)
    return tokenizer.prepare_for_model(first, second, prepend_batch_axis=True, **options)["input_ids"]


def _ids_of(tokenizer: "TokenizerBase", text: Input | Sequence[int]) -> list[int]:
    tokens = tokenizer.tokenize(text) if isinstance(text, str) else text
    return [item if isinstance(item, int) else tokenizer.convert_tokens_to_ids(str(item)) for item in tokens]


def encode_plus(
    tokenizer: "TokenizerBase", text: Input, text_pair: Input | None = None, **options: Any
) -> BatchEncoding:
    """An older name of the call, for one text or pair."""
    return tokenizer(text, text_pair, **options)


def batch_encode_plus(
    tokenizer: "TokenizerBase", batch_text_or_text_pairs: Sequence[Any], **options: Any
) -> BatchEncoding:
    """An older name of the call, for a list of texts or of pairs."""
    return tokenizer(list(batch_text_or_text_pairs), **options)


def batch_decode(tokenizer: "TokenizerBase", sequences: Iterable[Any], **options: Any) -> list[str]:
    """`decode` of each; options: its arguments."""
    return [tokenizer.decode(sequence, **options) for sequence in sequences]


def max_len_single_sentence(tokenizer: "TokenizerBase") -> int:
    return tokenizer.model_max_length - tokenizer.num_special_tokens_to_add()


def max_len_sentences_pair(tokenizer: "TokenizerBase") -> int:
    return tokenizer.model_max_length - tokenizer.num_special_tokens_to_add(pair=True)
