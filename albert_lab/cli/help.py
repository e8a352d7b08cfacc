"""`albert-lab VERB --help [GROUP]`: what a verb is for, examples, and its settings as the schema explains them."""

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.cli.run_arguments import terminal_width
from albert_lab.config.compose import COMPOSING_ERRORS, from_hydra, one_line, register
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.meanings import Setting, list_settings, summarize
from albert_lab.config.overrides import check_overrides, find_search_path, list_groups, spell_out
from albert_lab.config.plain import flatten
from albert_lab.config.schema import VERBS
from albert_lab.config.sources import Sources, find_sources
from albert_lab.errors import UserError, nearest

KEY_WIDTH = 34

PURPOSES = {  # verb -> what it is for
    "pretrain": "Pre-trains one variant; with --multirun one per combination of values, as in sharing=all,none. The "
    "same command again resumes the run or returns its result. The last line of output is the run's folder.",
    "finetune": "Trains a finished run's model, or any checkpoint, on a task. The same command again resumes the run "
    "or returns its result. The last line of output is the run's folder.",
    "predict": "Answers the examples of a file in the task's own format, or of a split of its benchmark, with a "
    "finished fine-tuned run. The answers are JSON lines, on standard output or in output=FILE, whose path is then the "
    "last line of output. Metrics are logged where the examples have labels.",
    "cost": "Prints what a variant costs before anything runs: parameters, FLOPs, memory, traffic, time, money. "
    "Nothing is trained. With --multirun or study=NAME, a table of several variants. With task=, suite= or checkpoint= "
    "what fine-tuning takes, over finetune.seeds seeds.",
    "cost_of_tasks": "Prints what fine-tuning takes before anything runs: steps, tokens, FLOPs, time, energy and money "
    "of a task or of all tasks of a suite, over finetune.seeds seeds.",
    "reproduce": "Runs every cell of a study with every seed and prints its table, our figures next to the paper's. "
    "Finished runs are skipped, so that the same command goes on where it was stopped.",
    "report": "Prints a table of what has run and writes a page with plots; with study=NAME, a study's table so far.",
    "status": "Prints how far a study is: what is done, runs, failed and is left, and the time left. It takes the "
    "overrides of the study's own command.",
    "dashboard": "Starts MLflow's user interface on the runs, on this machine only, until Ctrl-C.",
    "vocabulary": "Trains a SentencePiece vocabulary on a corpus, in any language, and writes a tokenizer folder that "
    "transformers loads. The last line of output is the folder.",
}
USAGES = {
    "reproduce": "reproduce STUDY",
    "finetune": "finetune checkpoint=RUN",
    "predict": "predict checkpoint=RUN input=FILE",
    "cost_of_tasks": "cost task=TASK|suite=SUITE",
}
FORCED = ("pretrain", "finetune", "reproduce")  # --force runs a finished run again
EXAMPLES = {  # verb -> commands with what they do
    "pretrain": {
        "albert-lab pretrain scale=smoke": "seconds: does it work here?",
        "albert-lab pretrain scale=tiny sharing=ffn model.embedding_size=32": "a variant",
        "albert-lab pretrain scale=tiny experiment=bert train.seed=1": "an overlay, a seed",
        "albert-lab pretrain data=text data.files=[corpus/*.txt]": "your own text",
        "albert-lab pretrain --multirun scale=tiny sharing=all,none": "many",
    },
    "finetune": {
        "albert-lab finetune checkpoint=runs/pretrain/RUN task=docstring_packages": "a finished run",
        "albert-lab finetune checkpoint=runs/pretrain/RUN experiment=probe": "its classifier alone",
    },
    "predict": {
        "albert-lab predict checkpoint=RUN input=passages.txt": "new examples",
        "albert-lab predict checkpoint=RUN split=dev output=dev.jsonl": "a split of the benchmark",
    },
    "cost": {
        "albert-lab cost scale=tiny sharing=cycle": "on this machine",
        "albert-lab cost scale=paper model=xlarge hardware=h200 trainer.devices=8": "on eight H200",
        "albert-lab cost --multirun scale=paper sharing=all,none hardware=h200": "several, compared",
        "albert-lab cost model=base suite=glue finetune.seeds=5 hardware=a100": "fine-tuning",
    },
    "cost_of_tasks": {
        "albert-lab cost model=base suite=glue finetune.seeds=5 hardware=a100": "a suite, five seeds a task",
        "albert-lab cost checkpoint=runs/pretrain/RUN task=sst2 data_root=FOLDER": "on the lengths of its texts",
        "albert-lab cost --multirun model=base,large suite=paper hardware=h200": "several models, compared",
    },
    "reproduce": {
        "albert-lab reproduce table4 scale=tiny": "Table 4 in minutes",
        "albert-lab reproduce table4 scale=tiny study.seeds=[0,1,2]": "with three seeds",
    },
    "report": {
        "albert-lab report": "all runs",
        "albert-lab report study=table4 scale=tiny": "a study",
    },
    "status": {"albert-lab status study=table4 scale=tiny": "from another terminal"},
    "dashboard": {"albert-lab dashboard": "", "albert-lab dashboard tracking.port=5001": "on another port"},
    "vocabulary": {
        "albert-lab vocabulary tokenizer.vocab_size=8000": "of the default corpus",
        "albert-lab vocabulary data=text data.files=[corpus/*.txt] tokenizer.keep_accents=true": "of your own text",
    },
}  # fmt: skip


def print_help(verb: str, arguments: Sequence[str]) -> None:
    """Prints a verb's help, or of the groups that `arguments` name in full.

    Raises:
        UserError: a group or an override that the verb does not take.
    """
    register()
    given = parse_arguments([spell_out(verb, word) for word in arguments if word not in ("-h", "--help")])
    sources = find_sources(given.config_dir, find_search_path(given.overrides))
    topics = [word for word in given.overrides if "=" not in word]
    overrides = [word for word in given.overrides if "=" in word]
    check_overrides(verb, overrides, sources)
    if verb == "reproduce":  # its study is a word, not a topic
        overrides += [f"study={topics.pop(0)}"] if topics and topics[0] in sources.choices("study") else []
    values = _compose(verb, overrides, sources)
    if topics:
        lines = [line for topic in topics for line in _explain_topic(verb, topic, values, sources)]
    else:
        lines = _explain_verb(verb, values, sources)
    sys.stdout.write("\n".join(lines) + "\n")


def _compose(verb: str, overrides: list[str], sources: Sources) -> dict[str, Any]:
    """Every setting's value with the overrides given; "" for one that can't be resolved."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    own = [f"hydra.searchpath=[{','.join(map(str, sources.added))}]"] if sources.added else []
    overrides = [word for word in overrides if not word.startswith("hydra")]
    try:
        with initialize_config_dir(str(CONF_FOLDER)):
            composed = compose(verb, overrides=[*own, *overrides])
        OmegaConf.resolve(composed)
        return flatten(from_hydra(composed, VERBS[verb]))
    except COMPOSING_ERRORS as error:
        raise UserError(one_line(error)) from error


def _explain_verb(verb: str, values: dict[str, Any], sources: Sources) -> list[str]:
    force = " [--force]" if verb in FORCED else ""
    flags = f"{force} [--multirun] [--cfg job] [--config-dir DIR]" if verb != "dashboard" else ""
    lines = wrap(f"usage: albert-lab {USAGES.get(verb, verb)} [GROUP=CHOICE...] [KEY=VALUE...]{flags}", "       ")
    lines += ["", *wrap(PURPOSES.get(verb, summarize(VERBS[verb]))), "", "Examples:"]
    lines += [line for command, remark in EXAMPLES.get(verb, {}).items() for line in _example(command, remark)]
    settings = list_settings(VERBS[verb])
    sections = dict.fromkeys(
        [*getattr(VERBS[verb], "result_groups", ()), *(_group_of(setting) for setting in settings)]
    )
    others = sorted(list_groups(verb) - set(sections))
    if others:
        lines += ["", *wrap("Groups that set others' settings, GROUP=CHOICE (--help GROUP explains the choices):")]
    lines += [line for group in others for line in _choices_of(group, sources)]
    lines += [
        "",
        *wrap("Settings, KEY=VALUE, with their present values (--help GROUP explains one group in full):"),
    ]
    for section in sections:
        lines += ["", *_explain_section(verb, section, settings, values, sources, full=False)]
    return lines


def _group_of(setting: Setting) -> str:
    return setting.key.split(".")[0]


def _example(command: str, remark: str) -> list[str]:
    line = f"  {command:<68}" + (f"  # {remark}" if remark else "")
    return [line.rstrip()] if len(line) <= terminal_width() else wrap(f"  {command}", "      ")


def _choices_of(group: str, sources: Sources) -> list[str]:
    return wrap(f"  {group:<12} {', '.join(sources.choices(group))}", " " * 15)


def _explain_topic(verb: str, topic: str, values: dict[str, Any], sources: Sources) -> list[str]:
    settings = list_settings(VERBS[verb])
    sections = {_group_of(setting) for setting in settings}
    if topic in sections or topic in list_groups(verb):
        return _explain_section(verb, topic, settings, values, sources, full=True)
    chosen = [setting for setting in settings if setting.key == topic or setting.key.startswith(f"{topic}.")]
    if not chosen:
        known = {*sections, *list_groups(verb), *(setting.key for setting in settings)}
        raise UserError(f"no group or setting {topic!r} of `albert-lab {verb}`{nearest(topic, known)}")
    return [line for setting in chosen for line in _explain_setting(setting, values[setting.key], full=True)]


def _explain_section(
    verb: str, section: str, settings: Sequence[Setting], values: dict[str, Any], sources: Sources, full: bool
) -> list[str]:
    """A group of settings: its choices, and a line for every setting."""
    schemas = {item.name: item.type for item in fields(VERBS[verb])}
    schema = schemas.get(section)
    summary = summarize(schema) if isinstance(schema, type) else ""
    lines = wrap(f"{section}: {summary}" if summary else section)
    if section in list_groups(verb):
        lines += _explain_choices(section, sources) if full else wrap(
            f"  {section}={' | '.join(sources.choices(section))}", " " * (len(section) + 3)
        )  # fmt: skip
    for setting in settings:
        if _group_of(setting) == section:
            lines += _explain_setting(setting, values[setting.key], full)
    return lines


def _explain_choices(group: str, sources: Sources) -> list[str]:
    """Every choice of a group with the first comment of its file, or what it sets."""
    lines = []
    for name in sources.choices(group):
        text = _describe(sources.files(group, name)[0])
        lines += wrap(f"  {f'{group}={name}':<{KEY_WIDTH}} {text}", " " * (KEY_WIDTH + 3))
    return [*lines, ""]


def _describe(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    start = [line.removeprefix("#").strip() for line in _leading_comments(lines)]
    comment = " ".join(line for line in start if not line.startswith(("@package", "albert-lab ")))
    settings = "; ".join(line.partition("  #")[0].strip() for line in lines if line and not line.startswith("#"))
    return comment or settings


def _leading_comments(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        if not line.startswith("#"):
            return
        yield line


def _explain_setting(setting: Setting, value: Any, full: bool) -> list[str]:
    key = f"{setting.key}={_shown(value)}"
    listed = "" if full else " | ".join(setting.choices)
    text = ": ".join(part for part in (setting.meaning, listed) if part)
    lines = wrap(f"  {key:<{KEY_WIDTH}} {text}", " " * (KEY_WIDTH + 3))
    if full:
        for name, meaning in setting.choices.items():
            lines += wrap(f"      {name:<{KEY_WIDTH - 4}} {meaning}", " " * (KEY_WIDTH + 3))
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return re.sub(r"['\s]", "", str(value)) if isinstance(value, list | dict) else str(value)


def wrap(text: str, indent: str = "") -> list[str]:
    """Lines no longer than the terminal; `indent` before all but the first."""
    if len(indent) > terminal_width() // 2:
        indent = "      "
    return textwrap.wrap(text, terminal_width(), subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True)
