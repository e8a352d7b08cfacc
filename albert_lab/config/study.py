"""A study: one question as a YAML in `sweeps/study/`, expanded into cells."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """One point of a study, at the scale it runs at and at the paper's size."""

    name: str  # "E=768 all-shared"
    axes: dict[str, int | str]  # the paper's values: {"model.embedding_size": 768, "sharing": "all"}
    overrides: tuple[str, ...]  # Hydra overrides at the study's scale, without the seed
    paper_overrides: tuple[str, ...]  # the same cell at the paper's size


@dataclass(frozen=True)
class Study:
    """A question, its cells in the order of the table, and what the table says under it."""

    name: str  # "table4"
    title: str
    question: str
    scale: str  # "tiny"
    caption: str  # what the table can and can't tell at this scale
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...] = field(default=())
