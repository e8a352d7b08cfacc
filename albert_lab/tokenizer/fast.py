"""`AlbertTokenizerFast`: whole batches at once, with each token's offsets in the text and windows over long texts."""

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken

from albert_lab.tokenizer.base import TokenizerBase
from albert_lab.tokenizer.folder import load_model
from albert_lab.tokenizer.overflow import build_rows_and_windows
from albert_lab.tokenizer.piece_finders import BatchFinder
from albert_lab.tokenizer.token_table import Token, make_roles


class AlbertTokenizerFast(TokenizerBase):
    """The fast ALBERT tokenizer: the ids, masks and token types of `AlbertTokenizer`, sooner, and more.

    vocab_file: a SentencePiece model; or tokenizer_file: a `tokenizer.json`, from which that model is rebuilt.
    settings: see `TokenizerBase`.

    Raises: UserError for a file of another kind, or another model's.
    """

    is_fast = True

    def __init__(
        self,
        vocab_file: str | None = None,
        tokenizer_file: str | None = None,
        do_lower_case: bool = True,
        remove_space: bool = True,
        keep_accents: bool = False,
        bos_token: Token | None = "[CLS]",
        eos_token: Token | None = "[SEP]",
        unk_token: Token | None = "<unk>",
        sep_token: Token | None = "[SEP]",
        pad_token: Token | None = "<pad>",
        cls_token: Token | None = "[CLS]",
        mask_token: Token | None = "[MASK]",
        *,
        additional_special_tokens: Sequence[Token] | None = None,
        added_tokens_decoder: dict[int, AddedToken] | None = None,
        **settings: Any,
    ):
        self.vocab_file, self.tokenizer_file = vocab_file, tokenizer_file
        super().__init__(
            *load_model(vocab_file, tokenizer_file),
            {"do_lower_case": do_lower_case, "remove_space": remove_space, "keep_accents": keep_accents},
            make_roles(bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token),
            additional_special_tokens,
            added_tokens_decoder,
            settings,
            BatchFinder,
            build_rows_and_windows,
        )
