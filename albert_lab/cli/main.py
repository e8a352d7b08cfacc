"""Finds the verb, runs it, and turns what goes wrong into one line and an exit code."""

import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from albert_lab import __version__
from albert_lab.errors import RunFailedError, RunStoppedError, UserError, exit_code_of, nearest
from albert_lab.runs.log_lines import terminal_handler

VERBS_BY_USE = {  # what a user is about to do -> verbs, with what they do
    "train": {
        "pretrain": "pre-train one variant; with --multirun, many",
        "finetune": "train a finished run's model, or any checkpoint, on a task",
        "reproduce": "run a study, the paper's or your own, and print its table",
    },
    "before it runs": {
        "cost": "what a variant costs: parameters, FLOPs, memory, traffic, time, money",
        "vocabulary": "train a vocabulary on a corpus, as a tokenizer folder that transformers loads",
    },
    "after it ran": {
        "predict": "answer new examples, or a benchmark's test set, with a fine-tuned run",
        "runs": "what has run: finished, running, stopped and failed runs, with what they reached",
        "status": "how far a study is: cells done, running, failed and left, and the time left",
        "diff": "in which settings and results two runs differ",
        "curves": "draw the learning curves of runs",
        "rm": "remove runs, each with its folder and its MLflow run",
        "report": "tables and figures of what has run, from MLflow",
        "dashboard": "start the MLflow UI on the lab's runs",
    },
    "this machine": {
        "doctor": "what this machine has, what works here, and how to mend what doesn't",
    },
    "other formats": {
        "export": "write a run's model as a folder that Hugging Face's transformers loads",
        "import": "read a Hugging Face or Google TensorFlow checkpoint into such a folder",
    },
}
VERBS = {verb: meaning for verbs in VERBS_BY_USE.values() for verb, meaning in verbs.items()}
MODULES = {"import": "import_checkpoint"}  # verbs whose name a Python module cannot have
DONE, FAILED, USER_MISTAKE = 0, 1, 2

HELP = """albert-lab: what sharing parameters and a small embedding cost and buy.

usage: albert-lab VERB [GROUP=CHOICE...] [KEY=VALUE...]
       albert-lab VERB --help [GROUP]

{verbs}

Start with `albert-lab pretrain scale=smoke`, seconds that show whether everything works here.
Tab completion, in bash and zsh: eval "$(albert-lab -sc install=bash)"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script. Exit codes: 0 done, 2 the user's mistake, 1 anything else."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, handlers=[terminal_handler()])
    try:
        with _stop_on_sigterm():
            return _dispatch(arguments)
    except UserError as error:
        return _say(f"albert-lab: {error}", USER_MISTAKE)
    except RunFailedError as error:
        return _say(f"albert-lab: {error}", FAILED)
    except KeyboardInterrupt as error:
        return _say(f"albert-lab: {str(error) or 'interrupted'}", exit_code_of(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


@contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    """Raises RunStoppedError at SIGTERM, as Python raises KeyboardInterrupt at Ctrl-C, so that files are cleaned up."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise RunStoppedError("stopped", 128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["-sc"] or arguments[:1] == ["--shell-completion"]:
        from albert_lab.cli.completion import complete

        return complete(arguments[1:])
    if arguments[:1] == ["--version"]:
        print(__version__)
        return DONE
    if arguments[:1] == ["help"] and len(arguments) > 1:
        arguments = [arguments[1], "--help", *arguments[2:]]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(help_text())
        return DONE if arguments else USER_MISTAKE
    verb, *rest = arguments
    if verb not in VERBS:
        raise UserError(f"no verb {verb!r}{nearest(verb, VERBS)}")
    return int(importlib.import_module(f"albert_lab.cli.{MODULES.get(verb, verb)}").run(rest))


def help_text() -> str:
    paragraphs = []
    for use, verbs in VERBS_BY_USE.items():
        lines = [f"  {verb:<11} {meaning}" for verb, meaning in verbs.items()]
        paragraphs.append("\n".join([f"{use}:", *lines]))
    return HELP.format(verbs="\n\n".join(paragraphs))


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code
