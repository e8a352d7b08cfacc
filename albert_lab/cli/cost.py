"""`albert-lab cost [hardware=h200 trainer.devices=8 ...]`: what a configuration costs, before anything runs.

With a task, a suite or a checkpoint it is the cost of fine-tuning.
"""

import json
import logging
import os
import pickle
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.config.compose import from_hydra
from albert_lab.config.overrides import find_search_path, list_groups, list_keys
from albert_lab.config.schema import EstimateConfig
from albert_lab.config.sources import find_sources
from albert_lab.errors import UserError

if TYPE_CHECKING:
    from albert_lab.cost.figures import CostFigures
    from albert_lab.cost.finetuning import SuiteCost

log = logging.getLogger(__name__)

ROWS = "ALBERT_LAB_COSTS"  # names the file in which the jobs of a multirun leave their rows


@dataclass
class Row:
    """One variant of several: its figures, or why it has none."""

    overrides: list[str]
    as_json: bool
    figures: "CostFigures | SuiteCost | None" = None
    error: str | None = None


def run(arguments: Sequence[str]) -> int:
    """Exit code 0 when every variant was printed, 2 when a setting of one was refused."""
    verb = choose_verb(arguments)
    if not {"-h", "--help"} & set(arguments):
        _check_study(arguments)
    with tempfile.NamedTemporaryFile(prefix="albert-lab-costs-") as file:
        os.environ[ROWS] = file.name
        run_app(cost if verb == "cost" else cost_of_tasks, verb, arguments)
        rows = _read_rows(Path(file.name))
    failed = [row for row in rows if row.error]
    for row in failed:
        log.error("%s: %s", " ".join(row.overrides), row.error)
    if len(rows) > len(failed):
        _print_all([row for row in rows if not row.error])
    return 2 if failed else 0


def choose_verb(arguments: Sequence[str]) -> str:
    """`cost_of_tasks` where a setting or a group is given that fine-tuning alone has, else `cost`."""
    words = [word for word in arguments if word not in ("-h", "--help")]
    of_tasks = (list_keys("cost_of_tasks") | list_groups("cost_of_tasks")) - list_keys("cost") - list_groups("cost")
    keys = {word.split("=")[0] for word in parse_arguments(words).overrides}
    return "cost_of_tasks" if keys & of_tasks else "cost"


def cost_of_tasks(composed: Any) -> None:
    """The same of fine-tuning."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from albert_lab.cli.cost_of_tasks import find_suite_cost
    from albert_lab.cli.cost_of_tasks_text import format_suite

    hydra_config, as_json = HydraConfig.get(), bool(composed.cost.json)
    if hydra_config.mode is RunMode.RUN:
        figures = find_suite_cost(composed)
        print(_to_json(asdict(figures)) if as_json else format_suite(figures))
    else:
        _add_row(list(hydra_config.overrides.task), as_json, lambda: find_suite_cost(composed))


def cost(composed: Any) -> None:
    """One Hydra job: prints its figures; in a multirun, or for a study, leaves them for the table of all."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra_config = HydraConfig.get()
    config = from_hydra(composed, EstimateConfig)
    if config.study.axes:
        from albert_lab.cli.composed_study import ComposedStudy

        asked = ComposedStudy(composed)
        for cell in asked.study.cells:
            _add_row([cell.name], config.cost.json, partial(_figures, asked.compose_estimate(cell.overrides)))
    elif hydra_config.mode is RunMode.RUN:
        _print(config)
    else:
        _add_row(list(hydra_config.overrides.task), config.cost.json, partial(_figures, config))


def _add_row(overrides: list[str], as_json: bool, find_figures: "Callable[[], CostFigures | SuiteCost]") -> None:
    row = Row(overrides, as_json)
    try:
        row.figures = find_figures()
    except UserError as error:
        row.error = str(error)
    with open(Path(os.environ[ROWS]), "ab") as file:
        file.write(pickle.dumps(row))


def _read_rows(path: Path) -> list[Row]:
    rows: list[Row] = []
    with open(path, "rb") as file:
        while file.peek(1):
            rows.append(pickle.load(file))
    return rows


def _check_study(arguments: Sequence[str]) -> None:
    """Refuses a search: its sweeper needs results, which only training gives."""
    given = parse_arguments(arguments)
    sources = find_sources(given.config_dir, find_search_path(given.overrides))
    names = [argument.removeprefix("study=") for argument in given.overrides if argument.startswith("study=")]
    for file in (file for name in names for file in sources.files("study", name)):
        if "override /hydra/sweeper" in file.read_text(encoding="utf-8"):
            raise UserError(
                f"study={file.stem} searches by training; give its space as a sweep, "
                "as in --multirun sharing=all,none model.embedding_size=16,96"
            )


def _print(config: EstimateConfig) -> None:
    from albert_lab.cli.cost_text import format_page

    figures = _figures(config)
    print(_to_json(asdict(figures)) if config.cost.json else format_page(figures))


def _print_all(rows: list[Row]) -> None:
    from albert_lab.cli.cost_of_tasks_text import format_suites
    from albert_lab.cli.cost_text import format_comparison
    from albert_lab.cost.figures import CostFigures
    from albert_lab.cost.finetuning import SuiteCost

    variants = [(row.overrides, row.figures) for row in rows if row.figures is not None]
    overrides = [given for given, _ in variants]
    if rows[0].as_json:
        print(_to_json([{"overrides": given} | asdict(figures) for given, figures in variants]))
    elif isinstance(variants[0][1], SuiteCost):
        print(format_suites([figures for _, figures in variants if isinstance(figures, SuiteCost)], overrides))
    else:
        print(format_comparison([figures for _, figures in variants if isinstance(figures, CostFigures)], overrides))


def _to_json(value: Any) -> str:
    def name_of(member: Enum) -> str:
        return member.name

    return json.dumps(value, indent=2, default=name_of)


def _figures(config: EstimateConfig) -> "CostFigures":
    from albert_lab.config.check import check
    from albert_lab.cost.estimate import CostEstimate
    from albert_lab.cost.figures import collect_figures

    check(config)
    return collect_figures(CostEstimate(config))
