"""`task=commonsenseqa`: CommonsenseQA, questions with five choices, in the authors' JSONL files or from the hub.

Talmor et al. 2019 (arXiv:1811.00937).
"""

from typing import Any

from albert_lab.data.tasks.choice_records import ChoiceRecords
from albert_lab.data.tasks.examples import ChoiceExample
from albert_lab.data.tasks.records import Records
from albert_lab.data.tasks.split_files import HubSource, Layout
from albert_lab.data.tasks.values import BadValue, class_name, describe, text


class CommonsenseQA(ChoiceRecords):
    """In the files, a question holds its choices, a list of {label, text}; on the hub they have a column."""

    layout = Layout(
        ("commonsenseqa", "CommonsenseQA", "commonsense_qa", "csqa", "multiple_choice/commonsenseqa"),
        {
            "train": (("train_rand_split.jsonl", "train.jsonl"),),
            "dev": (("dev_rand_split.jsonl", "dev.jsonl"),),
            "test": (("test_rand_split_no_answers.jsonl", "test.jsonl"),),
        },
        HubSource("tau/commonsense_qa"),
    )
    label = "answerKey"
    labels = ("A", "B", "C", "D", "E")
    id = "id"

    def find_columns(self, records: Records) -> tuple[str, ...]:
        return ("question", "choices") if "choices" in records.columns else ("question",)

    def make(self, identifier: str, *values: Any) -> ChoiceExample:
        stem, choices = values if len(values) > 1 else _open_question(values[0])
        texts = _find_texts(choices)
        if tuple(sorted(texts)) != self.labels:
            raise BadValue(f"the choices are {', '.join(texts) or 'none'}, not {', '.join(self.labels)}")
        endings = tuple(text(texts[name], f"choice {name}") for name in self.labels)
        return ChoiceExample(identifier, text(stem, "question"), endings)


def _open_question(question: Any) -> tuple[Any, Any]:
    """Stem and choices."""
    if not isinstance(question, dict):
        raise BadValue(f"question is {describe(question)}, not an object with stem and choices")
    return question.get("stem"), question.get("choices")


def _find_texts(choices: Any) -> dict[str, Any]:
    """Label -> text."""
    if isinstance(choices, dict):  # the hub's two lists
        labels, texts = choices.get("label"), choices.get("text")
        if not isinstance(labels, list) or not isinstance(texts, list) or len(labels) != len(texts):
            raise BadValue("choices are not a list of labels and one of as many texts")
        choices = [{"label": label, "text": each} for label, each in zip(labels, texts, strict=True)]
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise BadValue(f"choices is {describe(choices)}, not a list of objects with label and text")
    found = {class_name(choice.get("label"), "the label of a choice"): choice.get("text") for choice in choices}
    if len(found) < len(choices):
        raise BadValue("two choices have one label")
    return found


BENCHMARK = CommonsenseQA
