"""What both tokenizers have: their calls, tokens and ids, decoding, reading and saving.

A tokenizer is made of parts, which know nothing of it: `TokenTable` (tokens and ids), a `Finder` (texts to pieces),
`RowBuilder` (special tokens, padding), `BatchEncoder` (all of those in order) and `Decoder` (back to text).
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

from tokenizers import AddedToken, Tokenizer

from albert_lab.tokenizer import folder, shortcuts, training
from albert_lab.tokenizer.batch_encoder import BatchEncoder
from albert_lab.tokenizer.batch_encoding import BatchEncoding
from albert_lab.tokenizer.decoding import Decoder, clean_up_tokenization
from albert_lab.tokenizer.delegation import RoleId, RoleToken, TableAttribute, delegate
from albert_lab.tokenizer.encoded_text import EncodedText
from albert_lab.tokenizer.inputs import Input, InputTypeError, check_strings
from albert_lab.tokenizer.options import WarnOnce, resolve_options
from albert_lab.tokenizer.overflow import BuildRows, truncate_ids
from albert_lab.tokenizer.piece_finders import BatchFinder, SingleFinder, find_tokens
from albert_lab.tokenizer.piece_model import PieceModel
from albert_lab.tokenizer.preprocessing import Preprocessing
from albert_lab.tokenizer.row_builder import RowBuilder
from albert_lab.tokenizer.settings import NO_LIMIT, check_settings, check_switches
from albert_lab.tokenizer.token_table import Token, TokenTable
from albert_lab.tokenizer.tokenizer_json import make_backend_tokenizer
from albert_lab.tokenizer.transformers_class import SeenByTransformers


class TokenizerBase(SeenByTransformers):
    """A tokenizer with the settings that its files store.

    settings: model_max_length (tokens), padding_side and truncation_side ("right", "left"), model_input_names,
    clean_up_tokenization_spaces, split_special_tokens, name_or_path, extra_special_tokens (a list: more special ones).

    Raises: UserError for an unknown setting or a value of another type.
    """

    vocab_file: str | None
    tokenizer_file: str | None
    init_kwargs: dict[str, Any]  # what the constructor was given: with it, it makes another such tokenizer
    init_inputs: tuple[Any, ...] = ()  # of transformers: arguments without a name, which `init_kwargs` has too
    vocab_files_names = {"vocab_file": folder.VOCABULARY, "tokenizer_file": folder.BACKEND}  # noqa: RUF012
    model_input_names: Sequence[str] = ["input_ids", "token_type_ids", "attention_mask"]
    model_max_length: int = NO_LIMIT
    padding_side: str = "right"
    truncation_side: str = "right"
    pad_token_type_id = 0
    clean_up_tokenization_spaces: bool = False
    split_special_tokens: bool = False
    is_fast: bool = False

    bos_token, eos_token, unk_token = RoleToken(), RoleToken(), RoleToken()
    sep_token, pad_token, cls_token, mask_token = RoleToken(), RoleToken(), RoleToken(), RoleToken()
    bos_token_id, eos_token_id, unk_token_id = RoleId(), RoleId(), RoleId()
    sep_token_id, pad_token_id, cls_token_id, mask_token_id = RoleId(), RoleId(), RoleId(), RoleId()

    vocab_size = TableAttribute[int]()
    added_tokens_decoder = TableAttribute[dict[int, AddedToken]]()
    added_tokens_encoder = TableAttribute[dict[str, int]]()
    additional_special_tokens = TableAttribute[list[str] | None]()
    additional_special_tokens_ids = TableAttribute[list[int]]()
    all_special_tokens = TableAttribute[list[str]]()
    all_special_tokens_extended = TableAttribute[list[Token]]()
    all_special_ids = TableAttribute[list[int]]()
    special_tokens_map = TableAttribute[dict[str, str | list[str]]]()
    special_tokens_map_extended = TableAttribute[dict[str, Token | list[Token]]]()
    get_vocab = delegate("_table", TokenTable.get_vocab)
    get_added_vocab = delegate("_table", TokenTable.get_added_vocab)
    convert_tokens_to_ids = delegate("_table", TokenTable.convert_tokens_to_ids)
    convert_ids_to_tokens = delegate("_table", TokenTable.convert_ids_to_tokens)
    add_tokens = delegate("_table", TokenTable.add_tokens)
    add_special_tokens = delegate("_table", TokenTable.add_special_tokens)

    build_inputs_with_special_tokens = delegate("_row_builder", RowBuilder.build_inputs_with_special_tokens)
    create_token_type_ids_from_sequences = delegate("_row_builder", RowBuilder.create_token_type_ids_from_sequences)
    get_special_tokens_mask = delegate("_row_builder", RowBuilder.get_special_tokens_mask)
    num_special_tokens_to_add = delegate("_row_builder", RowBuilder.num_special_tokens_to_add)
    convert_tokens_to_string = delegate("_decoder", Decoder.convert_tokens_to_string)

    # functions of a tokenizer's public methods
    encode, encode_plus = shortcuts.encode, shortcuts.encode_plus
    batch_encode_plus, batch_decode = shortcuts.batch_encode_plus, shortcuts.batch_decode
    max_len_single_sentence = property(shortcuts.max_len_single_sentence)
    max_len_sentences_pair = property(shortcuts.max_len_sentences_pair)
    train_new_from_iterator = training.train_new_from_iterator
    save_pretrained, save_vocabulary = folder.save_pretrained, folder.save_vocabulary

    def __init__(
        self,
        model: PieceModel,
        name: str,
        switches: Mapping[str, bool],
        roles: Mapping[str, Token | None],
        additional_special_tokens: Sequence[Token] | None,
        added_tokens_decoder: Mapping[int, AddedToken] | None,
        settings: Mapping[str, Any],
        finder: type[SingleFinder] | type[BatchFinder],
        build_rows: BuildRows,
    ):
        """name: what error messages call the source of `model`; switches: of preprocessing, by name."""
        self.init_kwargs = {
            "vocab_file": self.vocab_file, "tokenizer_file": self.tokenizer_file, **switches, **roles, **settings,
            "additional_special_tokens": additional_special_tokens, "added_tokens_decoder": added_tokens_decoder,
        }  # fmt: skip
        check_switches(switches)
        self.do_lower_case, self.remove_space, self.keep_accents = switches.values()
        remaining = dict(settings)
        self.name_or_path = str(remaining.pop("name_or_path", ""))
        extra = remaining.pop("extra_special_tokens", None)
        for key, value in check_settings(remaining).items():
            setattr(self, key, value)
        additional = [*(additional_special_tokens or []), *(extra if isinstance(extra, list | tuple) else [])]
        self._warn_once = WarnOnce()
        self._preprocessing = Preprocessing(*switches.values())
        self._table = TokenTable(model, self.do_lower_case, roles, additional, added_tokens_decoder, name)
        self._row_builder = RowBuilder(self._table)
        self._decoder = Decoder(self._table)
        pieces = finder(self._table, self._preprocessing)
        self._encoder = BatchEncoder(pieces, self._row_builder, build_rows, self._warn_once)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map})"
        )

    def __len__(self) -> int:
        """The number of tokens including added ones: the least that `model.vocab_size` must be."""
        return len(self._table)

    def __bool__(self) -> bool:
        return True

    # Calls

    def __call__(
        self,
        text: Input | None = None,
        text_pair: Input | None = None,
        text_target: Input | None = None,
        text_pair_target: Input | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool | None = None,
        pad_to_max_length: bool = False,
    ) -> BatchEncoding:
        """Model inputs for a text, a pair, or lists of either; arguments and results as in transformers 4.57.6.

        text: a string, a list of strings (a batch), or with `is_split_into_words` lists of words. text_target: its ids
        become `labels`. padding: True or "longest", "max_length", False. truncation: True or "longest_first",
        "only_first", "only_second", False. pad_to_max_length: an older name of padding="max_length".

        Raises: UserError for arguments that contradict each other, and rows that don't fit in a tensor.
        """
        split = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        if pad_to_max_length and padding is False:
            padding = True if max_length is None else "max_length"
        given = {
            "add_special_tokens": add_special_tokens, "padding": padding, "truncation": truncation,
            "max_length": max_length, "stride": stride, "is_split_into_words": is_split_into_words,
            "pad_to_multiple_of": pad_to_multiple_of, "padding_side": padding_side, "return_tensors": return_tensors,
            "return_token_type_ids": return_token_type_ids, "return_attention_mask": return_attention_mask,
            "return_overflowing_tokens": return_overflowing_tokens,
            "return_special_tokens_mask": return_special_tokens_mask,
            "return_offsets_mapping": return_offsets_mapping, "return_length": return_length, "verbose": verbose,
            "split_special_tokens": split,
        }  # fmt: skip
        options = resolve_options(given, self, self._warn_once)
        if text is None:
            if text_target is None:
                raise InputTypeError("a tokenizer needs text (or text_target)")
            return self._encoder.encode(text_target, text_pair_target, options)
        inputs = self._encoder.encode(text, text_pair, options)
        if text_target is not None:
            inputs["labels"] = self._encoder.encode(text_target, text_pair_target, options)["input_ids"]
        return inputs

    def prepare_for_model(
        self,
        ids: Sequence[int],
        pair_ids: Sequence[int] | None = None,
        prepend_batch_axis: bool = False,
        **options: Any,
    ) -> BatchEncoding:
        """Model inputs from ids without special tokens; options: the arguments of a call."""
        given = {"padding": False, "truncation": None, "max_length": None} | options
        chosen = resolve_options(given, self, self._warn_once)
        pair = EncodedText(list(ids)), None if pair_ids is None else EncodedText(list(pair_ids))
        return self._encoder.assemble([pair], chosen, single=True, prepend_batch_axis=prepend_batch_axis)

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pads what was tokenized before: a row, a batch, or a list of rows (as a DataLoader's collate function gets).

        Tensors stay tensors. Raises: UserError without `input_ids`.
        """
        given = {
            "padding": padding, "truncation": False, "max_length": max_length, "verbose": verbose,
            "pad_to_multiple_of": pad_to_multiple_of, "padding_side": padding_side,
            "return_attention_mask": return_attention_mask, "return_tensors": return_tensors,
        }  # fmt: skip
        options = resolve_options(given, self, self._warn_once)
        return self._encoder.pad(encoded_inputs, self.model_input_names[0], options)

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """(first ids, second ids, overflowing ids with `stride` of what stays before them)."""
        strategy = str(getattr(truncation_strategy, "value", truncation_strategy))
        return truncate_ids(ids, pair_ids, num_tokens_to_remove, strategy, self.truncation_side, stride)

    # Tokens, ids and text

    def tokenize(
        self,
        text: str,
        pair: str | None = None,
        add_special_tokens: bool = False,
        split_special_tokens: bool | None = None,
    ) -> list[str]:
        """The pieces of a text as text: "▁hello"; special tokens as they are, what is unknown as it is written."""
        split = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        texts = [text] if pair is None else [text, pair]
        check_strings("tokenize", texts)
        found = [find_tokens(one, split, self._table, self._preprocessing) for one in texts]
        if add_special_tokens:
            start, end = map(self._table.token_of, self._table.boundary_ids)
            found = [[start], *([*tokens, end] for tokens in found)]
        return [token for tokens in found for token in tokens]

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
    ) -> str:
        """The text of ids (a list, an array or a tensor).

        Raises: UserError for an id beyond the vocabulary.
        """
        ids = token_ids.tolist() if hasattr(token_ids, "tolist") else token_ids
        tokens = self.convert_ids_to_tokens([ids] if isinstance(ids, int) else ids, skip_special_tokens)
        text = (" " if spaces_between_special_tokens else "").join(self._decoder.decode(tokens))
        asked = clean_up_tokenization_spaces
        return clean_up_tokenization(text) if (self.clean_up_tokenization_spaces if asked is None else asked) else text

    # Folders

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        force_download: bool = False,
        subfolder: str = "",
        **settings: Any,
    ) -> Self:
        """The tokenizer of a folder or of a model on the hub; settings replace those of its files.

        subfolder: of the folder or repository.

        Raises: UserError where there is none, or its files are not a tokenizer's or another model's.
        """
        hub = {
            "revision": revision, "cache_dir": cache_dir, "local_files_only": local_files_only, "token": token,
            "force_download": force_download,
        }  # fmt: skip
        return cls(**folder.read_arguments(pretrained_model_name_or_path, subfolder, **hub) | settings)

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The nearest tokenizer of the `tokenizers` library: what `tokenizer.json` holds, for other tools."""
        around = str(self.cls_token), str(self.sep_token)
        return make_backend_tokenizer(self._table.model.bytes, self._preprocessing, self.added_tokens_decoder, around)
