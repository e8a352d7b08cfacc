"""Which package does a docstring come from? (`albert-lab finetune checkpoint=RUN task=docstring_packages`)"""

from pathlib import Path

from albert_lab.data.tasks.docstring_packages import load_examples
from albert_lab.data.tasks.labelled_texts import LabelledTexts
from albert_lab.train.tasks.classification import TextClassification


class DocstringPackages(TextClassification):
    def load_texts(self, split: str) -> LabelledTexts:
        return load_examples(Path(self.config.paths.cache), split)


TASK = DocstringPackages
