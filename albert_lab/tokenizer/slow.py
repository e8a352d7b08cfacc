"""`AlbertTokenizer`: text by text, as plainly as the rules read."""

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken

from albert_lab.tokenizer.base import TokenizerBase
from albert_lab.tokenizer.folder import load_model
from albert_lab.tokenizer.overflow import build_rows_and_overflow
from albert_lab.tokenizer.piece_finders import SingleFinder
from albert_lab.tokenizer.token_table import Token, make_roles


class AlbertTokenizer(TokenizerBase):
    """ALBERT's tokenizer with the names, arguments and results of transformers 4.57.6's (the last with a slow one).

    vocab_file: a SentencePiece model (`spiece.model`); or tokenizer_file: a `tokenizer.json`, all that transformers 5
    saves, from which that model is rebuilt. sp_model_kwargs: SentencePieceProcessor's, as for sampling.
    settings: see `TokenizerBase`.

    Raises: UserError for a file that is not a SentencePiece model, or another model's.
    """

    def __init__(
        self,
        vocab_file: str | None = None,
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
        sp_model_kwargs: dict[str, Any] | None = None,
        *,
        tokenizer_file: str | None = None,
        additional_special_tokens: Sequence[Token] | None = None,
        added_tokens_decoder: dict[int, AddedToken] | None = None,
        **settings: Any,
    ):
        self.vocab_file, self.tokenizer_file = vocab_file, tokenizer_file
        self.sp_model_kwargs = dict(sp_model_kwargs or {})
        super().__init__(
            *load_model(vocab_file, tokenizer_file, **self.sp_model_kwargs),
            {"do_lower_case": do_lower_case, "remove_space": remove_space, "keep_accents": keep_accents},
            make_roles(bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token),
            additional_special_tokens,
            added_tokens_decoder,
            settings,
            SingleFinder,
            build_rows_and_overflow,
        )
        self.init_kwargs["sp_model_kwargs"] = self.sp_model_kwargs
