"""Real questions, real vocabulary: the marked answer's characters come back from its pieces.

At least 99.5 % do in SQuAD's development sets. In the others the answer begins or ends within a piece of ALBERT's
vocabulary: "49" of "49ers", "$73", "20%".
"""

import tarfile
from itertools import islice
from pathlib import Path

import pytest

from albert_lab.config.training import TaskConfig
from albert_lab.data.spans.windows import Context, find_pieces, find_text, make_windows
from albert_lab.data.tasks.examples import Answer, SpanExample
from albert_lab.data.tasks.squad import Squad
from albert_lab.tokenizer import AlbertTokenizerFast
from tests.lab import SHARED_DATA

QUESTIONS = 800


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[SpanExample]:
    archive = SHARED_DATA / "squad.tar.xz"
    if not archive.exists():
        pytest.skip(f"{archive} is not here: the shared data is for development only")
    file = tmp_path_factory.mktemp("squad") / "dev.json"
    with tarfile.open(archive) as members:
        member = members.extractfile("squad/dev-v2.0-half.json")
        assert member is not None
        file.write_bytes(member.read())
    return Squad(TaskConfig(no_answer=True), None, file.parent).read(file).rows


def is_exact(context: Context, answer: Answer) -> bool:
    first, stop = find_pieces(context, answer)
    return find_text(context, first, stop - 1) == answer.text


def test_answers_come_back_to_the_character(rows: list[SpanExample], spiece: Path) -> None:
    assert len(rows) == 6078
    assert sum(row.impossible is True for row in rows) == 3168
    some = list(islice(rows, 0, None, len(rows) // QUESTIONS))
    windows = make_windows(some, AlbertTokenizerFast(str(spiece)), TaskConfig(), 384)
    marked = [(windows.contexts[number], answer) for number, row in enumerate(some) for answer in row.answers]
    wrong = [(context, answer) for context, answer in marked if not is_exact(context, answer)]
    assert len(wrong) <= 0.005 * len(marked)
    for context, answer in wrong:
        first, stop = find_pieces(context, answer)
        assert answer.text in find_text(context, first, stop - 1)
        ends = answer.start, answer.start + len(answer.text)
        assert any(start < end < after for start, after in context.offsets for end in ends)
