"""What a classification data set gives to a task: texts with one label each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelledTexts:
    """One split of a classification data set; `labels[i]` is the index of `texts[i]`'s class in `label_names`."""

    texts: list[str]
    labels: list[int]
    label_names: list[str]

    @property
    def majority_share(self) -> float:
        """Accuracy of always predicting the most frequent label."""
        return max(map(self.labels.count, set(self.labels))) / len(self.labels)
