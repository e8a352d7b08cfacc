"""From a study's settings to its cells, sized for a scale and for the paper."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from albert_lab.config.schema import StudyConfig
from albert_lab.config.study import Cell, Study
from albert_lab.errors import UserError

Settings = Mapping[str, Any]  # by key on the command line
LETTERS = {"model.embedding_size": "E", "model.hidden_size": "H"}  # the paper's names of axes


def make_study(config: StudyConfig, scale: str, settings: Settings, paper: Settings) -> Study:
    """The study that `config` describes.

    Args:
        settings, paper: every setting by its key, at this scale and at the paper's size, to size the cells for both.
    """
    if not config.name or not config.axes:
        raise UserError(f"study={config.name} has no axes; a search runs with `albert-lab pretrain --multirun`")
    cells = []
    for point in product(*config.axes.values()):
        axes = dict(zip(config.axes, point, strict=True))
        here = {key: _scale(key, value, config.proportional.get(key), settings, paper) for key, value in axes.items()}
        name = " ".join(f"{LETTERS.get(key, key)}={value}" for key, value in axes.items())
        cells.append(Cell(name, axes, _overrides(here), _overrides(axes)))
    return Study(config.name, config.title, config.question, scale, config.caption, tuple(config.seeds), tuple(cells))


def order_runs(study: Study) -> list[tuple[Cell, int]]:
    """Every cell with every seed, as they run: all cells with the first seed, then all with the next.

    The seeds of a cell meet different moments of a busy machine, and a study that is stopped has something of each.
    """
    return [(cell, seed) for seed in study.seeds for cell in study.cells]


def _scale(key: str, value: int | str, reference: str | None, settings: Settings, paper: Settings) -> int | str:
    """`value` in the same proportion to this scale's `reference` as it has to the paper's."""
    if reference is None:
        return value
    ours, theirs = int(settings[reference]), int(paper[reference])
    scaled, rest = divmod(int(value) * ours, theirs)
    if rest:
        raise UserError(f"{key}={value} at {reference}={theirs} has no whole counterpart at {reference}={ours}")
    return scaled


def _overrides(axes: Mapping[str, int | str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in axes.items())
