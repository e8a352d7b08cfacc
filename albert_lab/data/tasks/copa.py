"""`task=copa`: COPA, which of two sentences is the cause or the result of another, in the layout of SuperGLUE.

Roemmele et al. 2011; Wang et al. 2019 (arXiv:1905.00537). The question is put in words, "What was the CAUSE of this?",
as COPA's authors write it.
"""

from typing import Any

from albert_lab.data.tasks.choice_records import ChoiceRecords
from albert_lab.data.tasks.examples import ChoiceExample
from albert_lab.data.tasks.split_files import HubSource, Layout
from albert_lab.data.tasks.values import BadValue, text

QUESTIONS = {"cause": "What was the CAUSE of this?", "effect": "What happened as a RESULT?"}


class Copa(ChoiceRecords):
    layout = Layout(
        ("COPA", "copa", "multiple_choice/copa", "super_glue/COPA", "SuperGLUE/COPA", "superglue/COPA"),
        {"train": (("train.jsonl",),), "dev": (("val.jsonl", "dev.jsonl"),), "test": (("test.jsonl",),)},
        HubSource("aps/super_glue", "copa"),
    )
    columns = ("premise", "question", "choice1", "choice2")
    labels = ("0", "1")
    id = "idx"

    def make(self, identifier: str, *values: Any) -> ChoiceExample:
        premise, question, *choices = values
        if text(question, "question") not in QUESTIONS:
            raise BadValue(f"question {question!r} is none of {', '.join(QUESTIONS)}")
        context = f"{text(premise, 'premise')} {QUESTIONS[question]}"
        endings = (text(choice, name) for choice, name in zip(choices, self.columns[2:], strict=True))
        return ChoiceExample(identifier, context, tuple(endings))


BENCHMARK = Copa
