"""From tokens back to text."""

from collections.abc import Sequence
from itertools import groupby

from albert_lab.tokenizer.token_table import TokenTable


class Decoder:
    """Joins tokens to text; special tokens stand as they are written."""

    def __init__(self, table: TokenTable):
        self._table = table

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text that tokens spell; special tokens stand as they are written."""
        decode, special = self._table.model.decode, frozenset(self._table.all_special_tokens)
        text, after_special = "", False
        pieces: list[str] = []
        for token in tokens:
            if token in special:
                text += ("" if after_special else " ") + decode(pieces) + token
                pieces = []
            else:
                pieces.append(token)
            after_special = token in special
        return (text + decode(pieces)).strip()

    def decode(self, tokens: Sequence[str]) -> list[str]:
        """The text of tokens in parts; each token that a user added is a part of its own."""
        table = self._table
        separate = table.added_tokens_encoder.keys() - set(table.all_special_tokens)
        separate |= {token for token in table.additional_special_tokens or () if not table.is_piece(token)}
        parts: list[str] = []
        for is_separate, group in groupby(tokens, key=separate.__contains__):
            run = list(group)
            parts += run if is_separate else filter(None, [self.convert_tokens_to_string(run)])
        return parts


def clean_up_tokenization(text: str) -> str:
    """English without the spaces before punctuation and in contractions, as in transformers."""
    for spaced, joined in _REPLACEMENTS:
        text = text.replace(spaced, joined)
    return text


_REPLACEMENTS = [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")]
_REPLACEMENTS += [(f" '{ending}", f"'{ending}") for ending in ("m", "s", "ve", "re")]
