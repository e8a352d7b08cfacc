"""Tab completion: we complete verbs, Hydra what follows them. `eval "$(albert-lab -sc install=bash)"`."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.main import VERBS
from albert_lab.config.meanings import list_settings
from albert_lab.config.overrides import list_groups
from albert_lab.config.schema import VERBS as SCHEMAS
from albert_lab.config.sources import LAB, Sources
from albert_lab.errors import UserError


def complete(arguments: Sequence[str]) -> int:
    """Answers the shell's completion call, or prints or removes the script that makes it."""
    if not arguments:
        raise UserError("-sc needs install=SHELL, uninstall=SHELL or query=SHELL, SHELL being bash, zsh or fish")
    verb = "pretrain"
    if arguments[0].startswith("query="):
        line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "10000"))]
        words = line.split(" ")
        if len(words) <= 2:
            print(" ".join(verb for verb in VERBS if verb.startswith(words[-1] if len(words) == 2 else "")))
            return 0
        verb = words.pop(1)  # Hydra completes what follows
        if verb not in SCHEMAS:
            return 0
        if {"-h", "--help"} & set(words):
            print(" ".join(_topics(verb, words[-1])))
            return 0
        if verb == "reproduce":
            studies = _studies(words)
            named = [word for word in words[1:-1] if word in studies]
            if not named and "=" not in words[-1] and not words[-1].startswith("-"):
                print(" ".join(name for name in studies if name.startswith(words[-1])))
                return 0
            words = [word for word in words if word not in named]
        os.environ["COMP_LINE"] = " ".join(words)
        os.environ["COMP_POINT"] = str(len(os.environ["COMP_LINE"]))
    run_app(lambda _: None, verb, ["--shell-completion", *arguments])
    return 0


def _topics(verb: str, begun: str) -> list[str]:
    groups = {setting.key.split(".")[0] for setting in list_settings(SCHEMAS[verb])} | list_groups(verb)
    return sorted(group for group in groups if group.startswith(begun))


def _studies(words: Sequence[str]) -> list[str]:
    """The studies of the lab and of the folders that the line names."""
    folders = [after for before, after in pairwise(words) if before in ("--config-dir", "-cd")]
    sources = Sources((*LAB, *[Path(folder).absolute() for folder in folders if Path(folder).is_dir()]))
    return sources.choices("study")
