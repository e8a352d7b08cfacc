"""`AlbertTokenizer`: text by text, as plainly as the rules read; SentencePiece finds the pieces."""

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken

from albert_lab.errors import UserError
from albert_lab.tokenizer.base import Pair
from albert_lab.tokenizer.encoded import Depth, Encoded, Row
from albert_lab.tokenizer.files import SavedTokenizer, load_pieces
from albert_lab.tokenizer.options import Options
from albert_lab.tokenizer.special_tokens import Token
from albert_lab.tokenizer.truncation import cut


class AlbertTokenizer(SavedTokenizer):
    """ALBERT's tokenizer with the names, arguments and results of transformers 4.57.6's (the last with a slow one).

    vocab_file: a SentencePiece model (`spiece.model`); or tokenizer_file: a `tokenizer.json`, all that transformers 5
    saves, from which that model is put together again. sp_model_kwargs: SentencePieceProcessor's, as for sampling.
    The rest: see `SavedTokenizer`.

    Raises: UserError for a file that is no SentencePiece model, or another model's.
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
        self.vocab_file = vocab_file
        self.sp_model_kwargs = dict(sp_model_kwargs or {})
        pieces, name = load_pieces(vocab_file, tokenizer_file, **self.sp_model_kwargs)
        super().__init__(pieces, name, locals())

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, split_special_tokens: bool = False
    ) -> list[str]:
        """The pieces of a text as text: "▁hello"; special tokens as they are, what is unknown as it is written."""
        tokens = self._pieces_of(text, split_special_tokens or self.split_special_tokens)
        if not add_special_tokens:
            return tokens + (self.tokenize(pair) if pair is not None else [])
        around, end = str(self.cls_token), str(self.sep_token)
        return [around, *tokens, end, *([*self.tokenize(pair), end] if pair is not None else [])]

    def _pieces_of(self, text: str, split_special_tokens: bool) -> list[str]:
        if split_special_tokens:
            return self._model.tokens(self._preprocessing(self._splitter.lowered(text)))
        tokens: list[str] = []
        for segment in self._splitter.split(text):
            if segment.token is not None:
                tokens.append(segment.text)
            else:
                tokens += self._model.tokens(self._preprocessing(segment.text))
        return tokens

    def _encode_texts(self, texts: Sequence[str], options: Options, depth: Depth) -> list[Encoded]:
        if depth is not Depth.ids:
            raise UserError(
                "return_offsets_mapping needs the fast tokenizer: AlbertTokenizerFast instead of AlbertTokenizer"
            )
        pieces = (self._pieces_of(text, options.split_special_tokens) for text in texts)
        return [Encoded(self.convert_tokens_to_ids(tokens)) for tokens in pieces]

    def _rows(self, pairs: Sequence[Pair], options: Options) -> tuple[list[Row], dict[str, list[Any]]]:
        """A row per pair; beside them the ids that were cut off and how many too many there were."""
        rows: list[Row] = []
        beside: dict[str, list[Any]] = {}
        if options.return_overflowing_tokens:
            self._refuse_overflow_of_both(pairs, options)
            beside = {"overflowing_tokens": [], "num_truncated_tokens": []}
        for first, second in pairs:
            extra = self._extra(first, second, options)
            lengths = len(first.ids), len(second.ids) if second else 0
            asked = options.truncation if options.max_length else "do_not_truncate"
            found = cut(lengths, second is not None, extra, asked, self.truncation_side, options.stride)
            if beside:
                beside["overflowing_tokens"].append(
                    (second if second and found.overflow_of_second else first).ids[found.overflow]
                )
                beside["num_truncated_tokens"].append(extra)
            rows.append(self._row(first.cut(found.first), second.cut(found.second) if second else None, options))
        return rows, beside
