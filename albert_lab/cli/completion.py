"""Tab completion: we complete verbs, Hydra what follows them. `eval "$(albert-lab -sc install=bash)"`."""

import os
from collections.abc import Sequence

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.main import VERBS
from albert_lab.config.schema import VERBS as SCHEMAS
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
        os.environ["COMP_LINE"] = " ".join(words)
        os.environ["COMP_POINT"] = str(len(os.environ["COMP_LINE"]))
    run_app(lambda _: None, verb, ["--shell-completion", *arguments])
    return 0
