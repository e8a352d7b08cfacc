"""`task=swag`: SWAG, which of four endings goes on with a video's caption, in the authors' CSV files or from the hub.

Zellers et al. 2018 (arXiv:1808.05326). The start of the second sentence begins every choice, as in BERT
(arXiv:1810.04805, section 4.4).
"""

from typing import Any

from albert_lab.data.tasks.choice_records import ChoiceRecords
from albert_lab.data.tasks.examples import ChoiceExample
from albert_lab.data.tasks.split_files import HubSource, Layout
from albert_lab.data.tasks.values import text


class Swag(ChoiceRecords):
    layout = Layout(
        ("swag", "SWAG", "multiple_choice/swag", "swagaf/data"),
        {"train": (("train.csv",),), "dev": (("val.csv", "dev.csv"),), "test": (("test.csv",),)},
        HubSource("allenai/swag", "regular"),
    )
    columns = ("sent1", "sent2", "ending0", "ending1", "ending2", "ending3")
    labels = ("0", "1", "2", "3")

    def make(self, identifier: str, *values: Any) -> ChoiceExample:
        texts = [text(value, name) for value, name in zip(values, self.columns, strict=True)]
        return ChoiceExample(identifier, texts[0], tuple(f"{texts[1]} {ending}" for ending in texts[2:]))


BENCHMARK = Swag
