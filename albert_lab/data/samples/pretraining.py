"""Pre-training samples as a pure function of (seed, index), made for a whole batch at once."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from albert_lab.config.training import ObjectiveConfig, SingleSentence
from albert_lab.data.random_bits import permute, random_bits, uniform
from albert_lab.data.samples.chunks import cut_chunks
from albert_lab.data.samples.masks import choose_masks
from albert_lab.data.samples.pairs import Pairs, cut_pairs
from albert_lab.data.splits import split_number
from albert_lab.data.store.token_store import TokenStore
from albert_lab.errors import UserError

if TYPE_CHECKING:  # scoring batches needs no SentencePiece: `benchmarks/gpu`
    from albert_lab.data.store.text_encoder import TextEncoder

_SAMPLE, _EPOCH = 1, 2  # streams of a seed
_SHOWN, _PIECE = 1 << 22, 1 << 23  # counters of a sample's random numbers: what is shown in place of a predicted token


class Batch(NamedTuple):
    """B samples of S positions; N predicted tokens over all of them."""

    input_ids: np.ndarray  # int64 [B,S]
    attention_mask: np.ndarray  # bool [B,S]
    token_type_ids: np.ndarray  # int64 [B,S] 1 for the second segment and its [SEP]
    masked_positions: np.ndarray  # int64 [N] b * S + s, ascending
    masked_labels: np.ndarray  # int64 [N] the pieces to predict
    sentence_labels: np.ndarray  # int64 [B]
    mask_budget: np.ndarray  # int64 [B] planned predictions; whole words may use a little less


class MaskedTexts(NamedTuple):
    """B samples without special tokens and padding, in T tokens."""

    pairs: Pairs
    budget: np.ndarray  # int64 [B]
    tokens: np.ndarray  # [T] as the model sees them: each A and its B, one behind the other
    masked: np.ndarray  # int64 [N] indices in [T] of the predicted tokens
    labels: np.ndarray  # int64 [N]

    def cut(self, rows: slice, tokens: slice, masked: slice) -> "MaskedTexts":
        pairs = Pairs(*(field[rows] for field in self.pairs))
        indices = self.masked[masked] - tokens.start
        return MaskedTexts(pairs, self.budget[rows], self.tokens[tokens], indices, self.labels[masked])


class Samples:
    """The samples of a split; index i is in epoch i // len(self), which visits every chunk once in its own order.

    Raises: UserError for a split without a chunk.
    """

    def __init__(
        self, store: TokenStore, tokenizer: "TextEncoder", objective: ObjectiveConfig, seed: int, split: str = "train"
    ):
        self.store, self.tokenizer, self.objective = store, tokenizer, objective
        min_sentences = 2 if objective.single_sentence is SingleSentence.drop else 1
        documents = store.documents_of(split)
        max_tokens = objective.max_seq_length - 3
        self.chunks = cut_chunks(store.sentences, store.documents, documents, max_tokens, min_sentences)
        if not len(self.chunks.first):
            raise UserError(
                f"the {split} split has no chunk of two sentences ({len(documents)} documents): take more text, "
                f"another data.held_out, or objective.single_sentence=random_b"
            )
        seed_key = random_bits(np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64), split_number(split))
        self._sample_key, self._epoch_key = random_bits(seed_key, _SAMPLE), random_bits(seed_key, _EPOCH)

    def __len__(self) -> int:
        """Samples in an epoch: the split's chunks."""
        return len(self.chunks.first)

    def batch(self, indices: np.ndarray) -> Batch:
        """The samples with these indices (int64 [B]); S is the longest, rounded up to a multiple of 8 where it fits."""
        return self.batches([indices])[0]

    def batches(self, groups: Sequence[np.ndarray]) -> list[Batch]:
        """`batch` of each group, made together: most of a small batch's time goes into the number of NumPy calls."""
        texts = self._make_texts(np.concatenate(groups))
        row_bounds = np.cumsum([0, *map(len, groups)])
        token_bounds = np.append(0, np.cumsum(texts.pairs.text_length))[row_bounds]
        masked_bounds = np.searchsorted(texts.masked, token_bounds)
        bounds = zip(*map(pairwise, (row_bounds, token_bounds, masked_bounds)), strict=True)
        return [self._lay_out(texts.cut(*(slice(*bound) for bound in group))) for group in bounds]

    def plan(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 [B] each: the tokens and the planned predictions of each sample, without reading a token."""
        pairs = self._cut_pairs(indices, self._keys(indices))
        return pairs.length, self._budget(pairs)

    def _keys(self, indices: np.ndarray) -> np.ndarray:
        return random_bits(self._sample_key, np.asarray(indices, np.int64))

    def _cut_pairs(self, indices: np.ndarray, keys: np.ndarray) -> Pairs:
        epoch, position = np.divmod(np.asarray(indices, np.int64), len(self))
        chunk = permute(position, len(self), random_bits(self._epoch_key, epoch))
        return cut_pairs(chunk, keys, self.chunks, self.store.sentences, self.objective)

    def _budget(self, pairs: Pairs) -> np.ndarray:
        """min(max_predictions_per_seq, max(1, round(length * masked_lm_prob))), with [CLS] and [SEP] in the length."""
        objective = self.objective
        if objective.masked_lm_prob == 0:
            return np.zeros_like(pairs.length)
        budget = np.maximum(1, np.rint(pairs.length * objective.masked_lm_prob).astype(np.int64))
        cap = objective.max_predictions_per_seq
        return budget if cap is None else np.minimum(budget, cap)

    def _make_texts(self, indices: np.ndarray) -> MaskedTexts:
        keys = self._keys(indices)
        pairs = self._cut_pairs(indices, keys)
        budget, length = self._budget(pairs), pairs.text_length
        tokens = self.store.tokens[_token_indices(np.column_stack([pairs.a_first, pairs.b_first]), pairs)]
        masked = choose_masks(self.tokenizer.word_starts[tokens], length, budget, self.objective.ngram, keys)
        labels = tokens[masked].astype(np.int64)
        ends = np.cumsum(length)
        rows = np.repeat(np.arange(len(ends)), np.diff(np.searchsorted(masked, ends), prepend=0))
        tokens[masked] = self._replace(labels, keys[rows], masked - (ends - length)[rows])
        return MaskedTexts(pairs, budget, tokens, masked, labels)

    def _replace(self, labels: np.ndarray, keys: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """int64 [N]: [MASK], a random piece of the whole vocabulary, or the token itself (Google: .8, .1, .1)."""
        draw = uniform(random_bits(keys, _SHOWN + columns))
        random_piece = (uniform(random_bits(keys, _PIECE + columns)) * self.tokenizer.vocab_size).astype(np.int64)
        objective = self.objective
        shown = np.where(draw < objective.mask_token_prob, self.tokenizer.mask_id, labels)
        upper = objective.mask_token_prob + objective.random_token_prob
        return np.where((draw >= objective.mask_token_prob) & (draw < upper), random_piece, shown)

    def _lay_out(self, texts: MaskedTexts) -> Batch:
        """[CLS] A [SEP] B [SEP] and padding."""
        a, length, rows = texts.pairs.a_length, texts.pairs.length, np.arange(len(texts.budget))
        width = min(-(-int(length.max(initial=1)) // 8) * 8, self.objective.max_seq_length)
        positions = _token_indices(np.column_stack([rows * width + 1, rows * width + a + 2]), texts.pairs)
        ids = np.full((len(rows), width), self.tokenizer.pad_id, np.int64)
        ids.reshape(-1)[positions] = texts.tokens
        ids[:, 0] = self.tokenizer.cls_id
        ids[rows, a + 1] = ids[rows, length - 1] = self.tokenizer.sep_id
        columns = np.arange(width)
        attention = columns < length[:, None]
        segments = ((columns > a[:, None] + 1) & attention).astype(np.int64)
        masked_positions = positions[texts.masked]
        return Batch(ids, attention, segments, masked_positions, texts.labels, texts.pairs.label, texts.budget)


def _token_indices(first: np.ndarray, pairs: Pairs) -> np.ndarray:
    """int64 [T]: consecutive numbers for the tokens of each A and each B, starting at `first` (int64 [B,2])."""
    length = np.column_stack([pairs.a_length, pairs.b_length]).ravel()
    ends = np.cumsum(length)
    return np.repeat(first.ravel() - ends + length, length) + np.arange(int(length.sum()))
