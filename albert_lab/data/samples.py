"""Pre-training samples as a pure function of (seed, index), made for a whole batch at once."""

from typing import NamedTuple

import numpy as np

from albert_lab.config.errors import UserError
from albert_lab.config.schema import ObjectiveConfig, SingleSentence
from albert_lab.data.chunks import cut_chunks
from albert_lab.data.counter import mixed, shuffled_positions, uniform
from albert_lab.data.masks import choose_masks
from albert_lab.data.pairs import Pairs, cut_pairs
from albert_lab.data.store import Store, split_number
from albert_lab.data.tokenizer import Tokenizer

_SAMPLE, _EPOCH = 1, 2  # streams of a seed
_SHOWN, _PIECE = 1 << 22, 1 << 23  # counters of a sample's random numbers: what a predicted token is shown as


class Batch(NamedTuple):
    """B samples of S positions; N predicted tokens over all of them."""

    input_ids: np.ndarray  # int64 [B,S]
    attention_mask: np.ndarray  # bool [B,S]
    token_type_ids: np.ndarray  # int64 [B,S] 1 for the second segment and its [SEP]
    masked_positions: np.ndarray  # int64 [N] b * S + s, ascending
    masked_labels: np.ndarray  # int64 [N] the pieces to predict
    sentence_labels: np.ndarray  # int64 [B]
    mask_budget: np.ndarray  # int64 [B] planned predictions; whole words may leave it a little under-used


class Samples:
    """The samples of a split; index i is in epoch i // len(self), which visits every chunk once in its own order.

    Raises: UserError for a split without a chunk.
    """

    def __init__(self, store: Store, tokenizer: Tokenizer, objective: ObjectiveConfig, seed: int, split: str = "train"):
        self.store, self.tokenizer, self.objective = store, tokenizer, objective
        drop = objective.single_sentence is SingleSentence.drop
        chosen = store.documents_of(split)
        self.chunks = cut_chunks(
            store.sentences, store.documents, chosen, objective.max_seq_length - 3, least_sentences=2 if drop else 1
        )
        if not len(self.chunks.first):
            raise UserError(
                f"the {split} split has no chunk of two sentences ({len(chosen)} documents): take more text, "
                f"another data.held_out, or objective.single_sentence=random_b"
            )
        seed_key = mixed(np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64), split_number(split))
        self._sample_key, self._epoch_key = mixed(seed_key, _SAMPLE), mixed(seed_key, _EPOCH)

    def __len__(self) -> int:
        """Samples in an epoch: the split's chunks."""
        return len(self.chunks.first)

    def batch(self, indices: np.ndarray) -> Batch:
        """The samples with these indices (int64 [B]); S is the longest, rounded up to a multiple of 8 where it fits."""
        keys = self._keys(indices)
        pairs = self._pairs(indices, keys)
        budget = self._budget(pairs)
        text = self._text(pairs)  # [B,C]
        length = pairs.a_length + pairs.b_length
        starts = self.tokenizer.word_starts[text]
        masked = choose_masks(starts, length, budget, self.objective.ngram, keys)
        rows, columns = np.nonzero(masked)
        labels = text[rows, columns]
        text[rows, columns] = self._shown(labels, keys[rows], columns)
        ids, attention, segments = self._assembled(text, pairs)
        positions = rows * ids.shape[1] + columns + 1 + (columns >= pairs.a_length[rows])
        return Batch(ids, attention, segments, positions, labels, pairs.label, budget)

    def mask_budget(self, indices: np.ndarray) -> np.ndarray:
        """int64 [B]: the planned predictions of each sample, as in its batch, without reading a token."""
        return self._budget(self._pairs(indices, self._keys(indices)))

    def _keys(self, indices: np.ndarray) -> np.ndarray:
        return mixed(self._sample_key, np.asarray(indices, np.int64))

    def _pairs(self, indices: np.ndarray, keys: np.ndarray) -> Pairs:
        epoch, position = np.divmod(np.asarray(indices, np.int64), len(self))
        chunk = shuffled_positions(position, len(self), mixed(self._epoch_key, epoch))
        return cut_pairs(chunk, keys, self.chunks, self.store.sentences, self.objective)

    def _budget(self, pairs: Pairs) -> np.ndarray:
        """min(max_predictions_per_seq, max(1, round(length * masked_lm_prob))), with [CLS] and [SEP] in the length."""
        objective = self.objective
        if objective.masked_lm_prob == 0:
            return np.zeros_like(pairs.length)
        budget = np.maximum(1, np.rint(pairs.length * objective.masked_lm_prob).astype(np.int64))
        cap = objective.max_predictions_per_seq
        return budget if cap is None else np.minimum(budget, cap)

    def _text(self, pairs: Pairs) -> np.ndarray:
        """int64 [B,C]: the ids of A and then B, without special tokens; anything behind their end."""
        columns = np.arange(int((pairs.a_length + pairs.b_length).max(initial=1)))
        behind_a = columns - pairs.a_length[:, None]
        places = np.where(behind_a < 0, pairs.a_first[:, None] + columns, pairs.b_first[:, None] + behind_a)
        np.minimum(places, len(self.store.tokens) - 1, out=places)
        return self.store.tokens[places].astype(np.int64)

    def _shown(self, labels: np.ndarray, keys: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """int64 [N]: [MASK], a random piece of the whole vocabulary, or the token itself (Google: .8, .1, .1)."""
        draw = uniform(mixed(keys, _SHOWN + columns))
        random_piece = (uniform(mixed(keys, _PIECE + columns)) * self.tokenizer.vocab_size).astype(np.int64)
        objective = self.objective
        shown = np.where(draw < objective.mask_token_prob, self.tokenizer.mask_id, labels)
        upper = objective.mask_token_prob + objective.random_token_prob
        return np.where((draw >= objective.mask_token_prob) & (draw < upper), random_piece, shown)

    def _assembled(self, text: np.ndarray, pairs: Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ids, attention, segments) [B,S]: [CLS] A [SEP] B [SEP] and padding."""
        a, length = pairs.a_length[:, None], pairs.length[:, None]
        longest = int(length.max(initial=1))
        columns = np.arange(min(-(-longest // 8) * 8, self.objective.max_seq_length))
        source = np.clip(columns - 1 - (columns > a), 0, text.shape[1] - 1)
        ids = np.take_along_axis(text, source, axis=1)
        ids[:, 0] = self.tokenizer.cls_id
        ids[(columns == a + 1) | (columns == length - 1)] = self.tokenizer.sep_id
        attention = columns < length
        ids[~attention] = self.tokenizer.pad_id
        return ids, attention, ((columns > a + 1) & attention).astype(np.int64)
