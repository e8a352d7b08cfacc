"""Encoded examples, and batches of them in an order that follows from the seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from albert_lab.data.random_bits import permute, random_bits
from albert_lab.train.batches import Arrays, StepPlan

LENGTH_POOL = 50  # batches whose texts are sorted by length together: few enough that batches still differ by chance
IGNORED = -100  # a token's label that doesn't count


@dataclass(frozen=True)
class Features:
    """What a model reads and what it should answer; feature i has `rows_per_feature` sequences from i times that on.

    An example is one feature, except a question on a long context: a feature for each of its windows.
    """

    ids: list[np.ndarray]  # int [S] of each sequence, special tokens included
    segments: list[int]  # tokens of each sequence before its second segment; all of them where it has one alone
    targets: Mapping[str, np.ndarray]  # [features, ...]: by the name that a batch has for it
    token_targets: Mapping[str, list[np.ndarray]] = field(default_factory=dict)  # int [S] of each sequence
    examples: np.ndarray | None = None  # int64 [features]: the example that each is of; None: one feature an example
    counts: np.ndarray | None = None  # int64 [features]: what its loss is summed over; None: 1 each
    rows_per_feature: int = 1  # several for choices

    def __len__(self) -> int:
        return len(self.ids) // self.rows_per_feature

    def lengths(self) -> np.ndarray:
        """int64 [features]: tokens, those of all its sequences together."""
        tokens = np.fromiter(map(len, self.ids), np.int64, len(self.ids))
        return tokens.reshape(-1, self.rows_per_feature).sum(1)

    def batch(self, features: np.ndarray, pad_id: int) -> Arrays:
        """The features with these numbers, padded to the longest.

        `input_ids`, `attention_mask`, `token_type_ids` [B * rows_per_feature, S]; the targets [B, ...]; and the number
        of targets that the loss is summed over, of the step and of the batch.
        """
        rows = (features[:, None] * self.rows_per_feature + np.arange(self.rows_per_feature)).ravel()
        lengths = np.fromiter((len(self.ids[row]) for row in rows), np.int64, len(rows))
        mask = np.arange(lengths.max()) < lengths[:, None]
        firsts = np.fromiter((self.segments[row] for row in rows), np.int64, len(rows))
        arrays = {
            "input_ids": _pad([self.ids[row] for row in rows], mask, pad_id),
            "attention_mask": mask,
            "token_type_ids": ((np.arange(lengths.max()) >= firsts[:, None]) & mask).astype(np.int64),
            **{name: target[features] for name, target in self.targets.items()},
            "step_targets": np.array(self.count(features)),  # the engine puts the whole step's in its place
            "batch_targets": np.array(self.count(features)),
        }
        for name, targets in self.token_targets.items():
            arrays[name] = _pad([targets[row] for row in rows], mask, IGNORED)
        return arrays

    def count(self, features: np.ndarray) -> int:
        """What the loss of these features is summed over: one each, or the words that have a label."""
        return len(features) if self.counts is None else int(self.counts[features].sum())


def _pad(parts: Sequence[np.ndarray], mask: np.ndarray, value: int) -> np.ndarray:
    padded = np.full(mask.shape, value, np.int64)
    padded[mask] = np.concatenate(parts)
    return padded


class TrainingSamples:
    """Features in the order of training: sample i is in epoch i // len(self), which has each feature once, shuffled."""

    def __init__(
        self, features: Features, pad_id: int, max_seq_length: int, seed: int, batch_size: int | None = None
    ) -> None:
        """`batch_size`: makes batches of so many features of similar length; None: of whatever length."""
        self.features, self.pad_id, self.batch_size = features, pad_id, batch_size
        self.max_seq_length = max_seq_length * features.rows_per_feature  # tokens of a sample
        self._lengths = features.lengths()
        self._key = random_bits(np.array([seed], np.uint64), 0)
        self._orders: dict[int, np.ndarray] = {}  # of the latest epoch

    def __len__(self) -> int:
        return len(self.features)

    def batches(self, groups: Sequence[np.ndarray]) -> list[Arrays]:
        return [self.features.batch(self._find_features(indices), self.pad_id) for indices in groups]

    def plan(self, indices: np.ndarray) -> StepPlan:
        features = self._find_features(indices)
        return StepPlan(self._lengths[features], {"step_targets": self.features.count(features)})

    def _find_features(self, indices: np.ndarray) -> np.ndarray:
        epochs, positions = np.divmod(np.asarray(indices, np.int64), len(self))
        found = permute(positions, len(self), random_bits(self._key, epochs))
        if self.batch_size is None:
            return found
        for epoch in np.unique(epochs):
            found[epochs == epoch] = self._order_by_length(int(epoch))[positions[epochs == epoch]]
        return found

    def _order_by_length(self, epoch: int) -> np.ndarray:
        """int64 [features]: the epoch's shuffled order, with batches of similar length, in a shuffled order too."""
        if epoch not in self._orders:
            assert self.batch_size is not None
            everything = np.arange(len(self))
            order = permute(everything, len(self), random_bits(self._key, np.full(len(self), epoch)))
            pool = everything // (LENGTH_POOL * self.batch_size)
            order = order[np.lexsort((self._lengths[order], pool))]
            batch = everything // self.batch_size
            place = random_bits(random_bits(self._key, epoch), batch)
            self._orders = {epoch: order[np.lexsort((everything, place, pool))]}
        return self._orders[epoch]
