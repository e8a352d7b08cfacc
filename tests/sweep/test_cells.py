"""A study's cells are every combination of its axes, sized in proportion for a scale."""

import pytest

from albert_lab.config.schema import StudyConfig
from albert_lab.errors import UserError
from albert_lab.sweep.cells import make_study, order_runs

AXES = {"model.embedding_size": [768, 128], "sharing": ["all", "none"]}
PAPER = {"model.hidden_size": 768}


def config(**more: object) -> StudyConfig:
    proportional = {"model.embedding_size": "model.hidden_size"}
    return StudyConfig(**{"name": "mine", "axes": AXES, "proportional": proportional, "seeds": [0, 1]} | more)


def test_every_combination_is_a_cell_at_both_sizes() -> None:
    study = make_study(config(), "tiny", {"model.hidden_size": 96}, PAPER)
    assert [cell.name for cell in study.cells] == [
        "E=768 sharing=all", "E=768 sharing=none", "E=128 sharing=all", "E=128 sharing=none",
    ]  # fmt: skip
    assert study.cells[2].overrides == ("model.embedding_size=16", "sharing=all")
    assert study.cells[2].paper_overrides == ("model.embedding_size=128", "sharing=all")
    assert (study.scale, study.seeds) == ("tiny", (0, 1))


def test_a_size_without_a_whole_counterpart_is_refused() -> None:
    with pytest.raises(UserError, match=r"model.embedding_size=768 at model.hidden_size=1000 has no whole counterpart"):
        make_study(config(), "tiny", {"model.hidden_size": 96}, {"model.hidden_size": 1000})


def test_a_study_without_axes_is_a_search() -> None:
    with pytest.raises(UserError, match="a search runs with `albert-lab pretrain --multirun`"):
        make_study(config(axes={}), "tiny", {}, PAPER)


def test_every_cell_runs_with_one_seed_before_any_runs_with_the_next() -> None:
    study = make_study(config(), "tiny", {"model.hidden_size": 96}, PAPER)
    assert [seed for _, seed in order_runs(study)] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [cell for cell, _ in order_runs(study)] == [*study.cells] * 2
