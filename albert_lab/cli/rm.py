"""`albert-lab rm RUN...`: removes runs, each with its folder and its MLflow run; asks first."""

import argparse
import logging
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from albert_lab.cli.run_arguments import RUN_HELP, make_parser, take_runs_folder
from albert_lab.errors import UserError, first_line
from albert_lab.runs.catalog import CatalogRun, State, find_run
from albert_lab.runs.folder import RunFolder, move_aside
from albert_lab.storage.files import read_object

log = logging.getLogger(__name__)

REMOVED = ".removed"  # under `paths.runs`: what a killed `rm` has not deleted yet; the next one does


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    runs, words = take_runs_folder(asked.runs)
    chosen = list({found.folder.path: found for found in (find_run(word, runs) for word in words)}.values())
    if not chosen and not (runs / REMOVED).is_dir():
        raise UserError("which run? `albert-lab runs` lists them")
    _refuse_running(chosen)
    for found in chosen:
        studies = find_studies(found, runs)
        shared = f"; its figures go from the tables of {', '.join(studies)} when they are made next" if studies else ""
        print(f"{found.folder.path}  ({found.description}{shared})", file=sys.stderr)
    if chosen and not asked.yes and not _confirm(len(chosen)):
        log.info("nothing was removed")
        return 1
    for found in chosen:
        if found.folder.path.is_dir():
            move_aside(found.folder, runs / REMOVED)
        else:
            found.folder.path.unlink()
    delete_removed(runs)
    return 0


def parser() -> argparse.ArgumentParser:
    parser = make_parser("rm", __doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{RUN_HELP}; paths.runs=FOLDER says where they are")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    return parser


def _refuse_running(chosen: Sequence[CatalogRun]) -> None:
    running = [found.name for found in chosen if found.state is State.running]
    if running:
        raise UserError(f"{running[0]} is running; stop it first (Ctrl-C in its terminal), then remove it")


def _confirm(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UserError("nobody is here to be asked; --yes removes without asking")
    print(f"Remove {'it' if count == 1 else f'these {count} runs'}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def find_studies(found: CatalogRun, runs: Path) -> list[str]:
    """The studies that a run belongs to: the one that ran it, and those that show it in MLflow."""
    studies = {str(found.settings["study.name"])} if found.settings.get("study.name") else set()
    for file in runs.glob("studies/*/mlflow.json"):
        try:
            names = {Path(path).name for path in read_object(file).get("runs", [])}
        except (UserError, TypeError):
            continue
        if found.name in names:
            studies.add(file.parent.name)
    whole = {name for name in studies if not any(other.startswith(f"{name}-") for other in studies)}
    return sorted(whole)


def delete_removed(runs: Path) -> None:
    """Deletes what was moved aside, its MLflow runs first; what MLflow keeps for now waits for the next time."""
    for path in sorted((runs.absolute() / REMOVED).glob("*/*")):
        try:
            delete_mlflow_runs(RunFolder(path))
        except Exception as error:  # whatever the store's trouble is, the run is no longer listed
            log.warning("MLflow still has %s (%s); the next `albert-lab rm` tries again", path.name, first_line(error))
            continue
        shutil.rmtree(path)
    for place in (*(runs / REMOVED).glob("*"), runs / REMOVED):
        with suppress(OSError):  # not empty
            place.rmdir()


def delete_mlflow_runs(folder: RunFolder) -> None:
    """Deletes the MLflow run of a folder, and the copies of it that further studies show."""
    try:
        state = read_object(folder.tracking)
    except UserError:  # never tracked, or damaged: then nothing says which MLflow run it is
        return
    if not state.get("run_id"):
        return
    from albert_lab.train.tracking.mlflow_store import delete_runs

    name = re.sub(r"\.\d+$", "", folder.path.name)  # as it was called before it was moved aside
    delete_runs(str(state["uri"]), str(state["run_id"]), name)
