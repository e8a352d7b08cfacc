"""What the verbs about past runs take: where the runs are, and runs by name."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from albert_lab.config.schema import PathsConfig
from albert_lab.errors import UserError

RUN_HELP = "a run's folder, its name, or as much of its beginning as no other run shares"
RUNS_KEY = "paths.runs="


class OneLineParser(argparse.ArgumentParser):
    """Ends with one line where argparse prints its usage first."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; `{self.prog} --help` says what there is")


def make_parser(verb: str, description: str | None, epilog: str | None = None) -> argparse.ArgumentParser:
    return OneLineParser(
        f"albert-lab {verb}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def take_runs_folder(words: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder that `paths.runs=FOLDER` names among the words, else the usual one; and the other words."""
    given = [word.removeprefix(RUNS_KEY) for word in words if word.startswith(RUNS_KEY)]
    folder = Path(given[-1] if given else PathsConfig().runs)
    if given and not folder.is_dir():
        raise UserError(f"paths.runs={folder}: there is no such folder")
    return folder, [word for word in words if not word.startswith(RUNS_KEY)]


def terminal_width() -> int:
    """Characters in a line of the terminal, or what COLUMNS says; 100 where the output goes elsewhere."""
    return shutil.get_terminal_size((100, 24)).columns
