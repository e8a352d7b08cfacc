"""What a classification data set gives to a task: texts with one label each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError
from albert_lab.storage.files import read_object, write_json


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

    def save(self, file: Path) -> None:
        write_json(file, vars(self))

    @classmethod
    def load(cls, file: Path) -> "LabelledTexts":
        """What `save` wrote.

        Raises: UserError for a damaged file.
        """
        mend = f"delete {file.parent} and run again to build it"
        try:
            values = read_object(file)
        except UserError as error:
            raise UserError(f"{error}; {mend}") from None
        texts: Any = values.get("texts")
        labels: Any = values.get("labels")
        names: Any = values.get("label_names")
        whole = (
            isinstance(texts, list) and all(isinstance(text, str) for text in texts)
            and isinstance(names, list) and all(isinstance(name, str) for name in names)
            and isinstance(labels, list) and all(type(label) is int and 0 <= label < len(names) for label in labels)
            and len(texts) == len(labels) > 0
        )  # fmt: skip
        if not whole:
            raise UserError(f"{file} is damaged; {mend}")
        return cls(texts, labels, names)
