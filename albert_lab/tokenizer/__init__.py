"""The public tokenizers, with transformers' names, arguments and results; no corpora and no training data.

Both find pieces with SentencePiece, so they agree on every text. Deviations from transformers: docs/tokenizers.md.
"""

from albert_lab.tokenizer.batch_encoding import BatchEncoding, CharSpan, TokenSpan
from albert_lab.tokenizer.fast import AlbertTokenizerFast
from albert_lab.tokenizer.slow import AlbertTokenizer

__all__ = ["AlbertTokenizer", "AlbertTokenizerFast", "BatchEncoding", "CharSpan", "TokenSpan"]
