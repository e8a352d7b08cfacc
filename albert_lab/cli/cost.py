"""`albert-lab cost [hardware=h200 trainer.devices=8 ...]`: what a configuration costs, before anything runs."""

import json
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.compose import SWEEPS_FOLDER, from_hydra
from albert_lab.config.schema import EstimateConfig
from albert_lab.errors import UserError

log = logging.getLogger(__name__)

ROWS = "ALBERT_LAB_COSTS"  # names the file in which the jobs of a multirun leave their figures, a line each


def run(arguments: Sequence[str]) -> int:
    """Exit code 0 when every variant was told, 2 when the settings of one can't be."""
    _check_study(arguments)
    with tempfile.NamedTemporaryFile("r", prefix="albert-lab-costs-") as rows:
        os.environ[ROWS] = rows.name
        run_app(cost, "cost", arguments)
        told = [json.loads(line) for line in rows.read().splitlines()]
    failed = [row for row in told if "error" in row]
    for row in failed:
        log.error("%s: %s", " ".join(row["overrides"]), row["error"])
    if len(told) > len(failed):
        _print_all([row for row in told if "error" not in row])
    return 2 if failed else 0


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
            _leave([cell.name], asked.compose_estimate(cell.overrides))
    elif hydra_config.mode is RunMode.RUN:
        _print(config)
    else:
        _leave(list(hydra_config.overrides.task), config)


def _leave(overrides: list[str], config: EstimateConfig) -> None:
    """Adds the figures of one variant, or why it has none, to those of all."""
    row: dict[str, Any] = {"overrides": overrides, "json": config.cost.json}
    try:
        row |= _figures(config)
    except UserError as error:
        row["error"] = str(error)
    with open(Path(os.environ[ROWS]), "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _check_study(arguments: Sequence[str]) -> None:
    """Refuses a search: its sweeper asks for what only training tells."""
    names = [argument.removeprefix("study=") for argument in arguments if argument.startswith("study=")]
    for file in (SWEEPS_FOLDER / "study" / f"{name}.yaml" for name in names):
        if file.exists() and "override /hydra/sweeper" in file.read_text(encoding="utf-8"):
            raise UserError(
                f"study={file.stem} searches by training; give its space as a sweep, "
                "as in --multirun sharing=all,none model.embedding_size=16,96"
            )


def _print(config: EstimateConfig) -> None:
    from albert_lab.cli.cost_text import text

    told = _figures(config)
    print(json.dumps(told, indent=2) if config.cost.json else text(told))


def _print_all(rows: list[dict[str, Any]]) -> None:
    from albert_lab.cli.cost_text import comparison

    print(json.dumps(rows, indent=2) if rows[0]["json"] else comparison(rows))


def _figures(config: EstimateConfig) -> dict[str, Any]:
    from albert_lab.config.check import check
    from albert_lab.cost.estimate import Estimate
    from albert_lab.cost.figures import figures

    check(config)
    return figures(Estimate(config))
