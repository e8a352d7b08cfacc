"""The kinds of files that a user can hand us: how to make whole ones, how to damage them, and what reads them."""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the readers run in children without their parent's threads

from tests.faults.kind import Kind
from tests.faults.model_files import MODEL_FILES
from tests.faults.run_files import RUN_FILES
from tests.faults.table_files import TABLE_FILES
from tests.faults.text_files import TEXT_FILES
from tests.faults.tokenizer_files import TOKENIZER_FILES

ALL = (*MODEL_FILES, *TOKENIZER_FILES, *TEXT_FILES, *TABLE_FILES, *RUN_FILES)
KINDS: dict[str, Kind] = {kind.name: kind for kind in ALL}
