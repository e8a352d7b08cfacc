"""Which checkpoint a run goes on from."""

from pathlib import Path

import pytest

from albert_lab.errors import UserError
from albert_lab.train.callbacks.checkpoints import check_strategy, newest


def test_the_newest_is_the_latest_step_and_a_partial_one_never_counts(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    for name in ("step-9", "step-10", "partial-11"):
        (tmp_path / name).touch()
    assert newest(tmp_path) == tmp_path / "step-10"


def test_a_checkpoint_of_another_strategy_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "step-1").mkdir()
    check_strategy(tmp_path / "step-1", "zero2")
    with pytest.raises(UserError, match="saved with trainer=zero2"):
        check_strategy(tmp_path / "step-1", "ddp")
