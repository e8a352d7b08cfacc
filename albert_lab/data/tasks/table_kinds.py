"""What the columns of a user's table must hold, for each `task.kind`."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic

from albert_lab.config.training import TaskConfig, TaskKind
from albert_lab.data.tasks.examples import ChoiceExample, Row, TextExample, TokenExample
from albert_lab.data.tasks.values import BadValue, class_name, class_number, describe, score, text
from albert_lab.errors import UserError

SEPARATOR = "|"  # of the labels in one field
_TAG = re.compile(r"O|[BI]-.+")

Labelled = tuple[Any, Mapping[str, int]]  # the value of the label's column, and the classes' numbers


class Kind(ABC, Generic[Row]):
    """Makes the rows of one file.

    Attributes:
        head: what answers them, a file of `albert_lab/train/heads/`.
        has_names: whether labels are names of classes.
    """

    head: ClassVar[str] = "classification"
    has_names: ClassVar[bool] = True

    def __init__(self, task: TaskConfig) -> None:
        """Raises: UserError where a setting is missing, or is one of other kinds."""
        self.task = task
        self._label_type: str | None = None  # of the file's first label
        if task.choices and task.kind is not TaskKind.choice:
            raise UserError(f"task.choices={task.choices} is for task.kind=choice, not {task.kind.value}")

    @abstractmethod
    def metrics(self, label_names: Sequence[str]) -> tuple[str, ...]:
        """The names of its metrics, the one that judges a run first."""

    def columns(self) -> list[tuple[str, str]]:
        """(setting, column) of what `make` reads."""
        return [("task.text", self.task.text), *([] if self.task.pair is None else [("task.pair", self.task.pair)])]

    @abstractmethod
    def make(self, identifier: str, values: Sequence[Any], label: Labelled | None = None) -> Row:
        """A row of the values of `columns`. `label`: None: not known. Raises: BadValue."""

    def _name(self, value: Any) -> str:
        """The name of a class. One file writes them all as texts or all as numbers: 1 and "1" aren't told apart."""
        column, name = self.task.label, class_name(value, self.task.label)
        found = describe(value)
        self._label_type = self._label_type or found
        if found != self._label_type:
            raise BadValue(f"{column} {name!r} is {found}, but the file's first label is {self._label_type}")
        return name


class _Texts(Kind[TextExample]):
    def make(self, identifier: str, values: Sequence[Any], label: Labelled | None = None) -> TextExample:
        first = text(values[0], self.task.text)
        second = None if self.task.pair is None else text(values[1], self.task.pair)
        return TextExample(identifier, first, second, None if label is None else self._label(*label))

    @abstractmethod
    def _label(self, value: Any, numbers: Mapping[str, int]) -> int | float | tuple[int, ...]: ...


class SingleLabel(_Texts):
    """A text or a whole number names the class."""

    def metrics(self, label_names: Sequence[str]) -> tuple[str, ...]:
        return "accuracy", "macro_f1"

    def _label(self, value: Any, numbers: Mapping[str, int]) -> int:
        if isinstance(value, list):
            raise BadValue(f"{self.task.label} is a list; task.kind=multi_label takes lists")
        return class_number(self._name(value), numbers, self.task.label)


class MultiLabel(_Texts):
    """A list of names, or names joined by `|`; an empty list or text is none of the classes."""

    def metrics(self, label_names: Sequence[str]) -> tuple[str, ...]:
        return "micro_f1", "macro_f1", "subset_accuracy"

    def _label(self, value: Any, numbers: Mapping[str, int]) -> tuple[int, ...]:
        column = self.task.label
        if isinstance(value, str):
            value = [part.strip() for part in value.split(SEPARATOR)] if value else []
        if not isinstance(value, list):
            raise BadValue(f"{column} is {describe(value)}, not a list of labels or a text that joins them by |")
        names = [self._name(each) for each in value]
        if len({*names}) < len(names):
            raise BadValue(f"{column} has a label twice")
        return tuple(sorted(class_number(name, numbers, column) for name in names))


class Regression(_Texts):
    """A number."""

    has_names = False

    def metrics(self, label_names: Sequence[str]) -> tuple[str, ...]:
        return "pearson", "spearman", "mean_squared_error"

    def _label(self, value: Any, numbers: Mapping[str, int]) -> float:
        return score(value, self.task.label)


class Tokens(Kind[TokenExample]):
    """Words and their labels: lists, or texts with spaces between."""

    head = "tokens"

    def __init__(self, task: TaskConfig) -> None:
        super().__init__(task)
        if task.pair is not None:
            raise UserError(f"task.pair={task.pair} is for texts, not for task.kind=tokens")

    def metrics(self, label_names: Sequence[str]) -> tuple[str, ...]:
        """Entities are scored where all labels are IOB tags."""
        if all(_TAG.fullmatch(name) for name in label_names):
            return "entity_f1", "entity_precision", "entity_recall", "token_accuracy"
        return ("token_accuracy",)

    def make(self, identifier: str, values: Sequence[Any], label: Labelled | None = None) -> TokenExample:
        words = [text(word, self.task.text) for word in _split(values[0], self.task.text)]
        if not words:
            raise BadValue(f"{self.task.text} is empty")
        if label is None:
            return TokenExample(identifier, tuple(words))
        column, (value, numbers) = self.task.label, label
        names = [self._name(name) for name in _split(value, column)]
        if len(names) != len(words):
            raise BadValue(f"{len(words)} words, but {len(names)} labels")
        return TokenExample(identifier, tuple(words), tuple(class_number(name, numbers, column) for name in names))


def _split(value: Any, column: str) -> list[Any]:
    if isinstance(value, str):
        return [word for word in value.split(" ") if word]  # other white space is part of a word
    if not isinstance(value, list):
        raise BadValue(f"{column} is {describe(value)}, not a list or a text with spaces between words")
    return value


class Choice(Kind[ChoiceExample]):
    """A column per choice, or one of lists. `task.pair` is a text that starts every choice, such as a question.

    The label is the right one's column, its number from 0, or its letter, A for the first.
    """

    head = "choice"
    has_names = False

    def __init__(self, task: TaskConfig) -> None:
        super().__init__(task)
        if not task.choices:
            raise UserError("task.kind=choice needs task.choices=[COLUMN,...], or one column of lists")
        self._count = 0  # of the first row's choices

    def metrics(self, label_names: Sequence[str]) -> tuple[str, ...]:
        return ("accuracy",)

    def columns(self) -> list[tuple[str, str]]:
        return [*super().columns(), *(("task.choices", column) for column in self.task.choices)]

    def make(self, identifier: str, values: Sequence[Any], label: Labelled | None = None) -> ChoiceExample:
        task, first = self.task, 1 if self.task.pair is None else 2
        context = text(values[0], task.text)
        start = "" if task.pair is None else text(values[1], task.pair) + " "
        endings = self._endings(values[first : first + len(task.choices)])
        number = None if label is None else self._number(label[0], len(endings))
        return ChoiceExample(identifier, context, tuple(start + ending for ending in endings), number)

    def _endings(self, values: Sequence[Any]) -> list[str]:
        columns = self.task.choices
        if len(columns) > 1:
            return [text(value, column) for value, column in zip(values, columns, strict=True)]
        if not isinstance(values[0], list):
            raise BadValue(f"{columns[0]} is {describe(values[0])}, not a list of choices")
        endings = [text(ending, columns[0]) for ending in values[0]]
        self._count = self._count or len(endings)
        if len(endings) < 2 or len(endings) != self._count:
            raise BadValue(f"{columns[0]} has {len(endings)} choices; all rows must have the same number, at least 2")
        return endings

    def _number(self, value: Any, count: int) -> int:
        name = class_name(value, self.task.label)
        if len(self.task.choices) > 1 and name in self.task.choices:
            return self.task.choices.index(name)
        number = int(name) if re.fullmatch("[0-9]{1,3}", name) else ord(name) - ord("A") if len(name) == 1 else -1
        if not 0 <= number < count:
            raise BadValue(f"{self.task.label} {name!r} is none of the {count} choices: 0 to {count - 1}, or A, B, ...")
        return number


KINDS: dict[TaskKind, type[Kind[Any]]] = {
    TaskKind.single_label: SingleLabel,
    TaskKind.multi_label: MultiLabel,
    TaskKind.regression: Regression,
    TaskKind.tokens: Tokens,
    TaskKind.choice: Choice,
}
