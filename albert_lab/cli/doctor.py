"""`albert-lab doctor`: what this machine has, what works here, and the command that mends what doesn't.

Exit code 0 if everything that training needs works, else 1.
"""

import argparse
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from albert_lab.cli.doctor_checks import Finding, check_all
from albert_lab.cli.run_arguments import make_parser, take_runs_folder, terminal_width

MARKS = {"works": "  ok", "lacks": "   -", "broken": "FAIL"}
INDENT = " " * 19


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    runs, words = take_runs_folder(asked.words)
    cache = [word.removeprefix("paths.cache=") for word in words if word.startswith("paths.cache=")]
    findings = list(check_all(runs, Path(cache[-1]) if cache else None))
    print(text(findings, terminal_width()), end="")
    return 1 if any(finding.state == "broken" for finding in findings) else 0


def parser() -> argparse.ArgumentParser:
    parser = make_parser("doctor", __doc__)
    parser.add_argument(
        "words", nargs="*", metavar="paths.KEY=FOLDER", help="paths.runs or paths.cache, if not the usual"
    )
    return parser


def text(findings: Iterable[Finding], width: int) -> str:
    """A line or more a finding, what mends it under it, and the verdict."""
    findings = list(findings)
    lines = []
    for finding in findings:
        head = f"{MARKS[finding.state]}  {finding.name:<12} "
        lines.append(textwrap.fill(head + finding.text, width, subsequent_indent=INDENT, break_on_hyphens=False))
        if finding.mend:
            mend = textwrap.fill(finding.mend, width, initial_indent=f"{INDENT}> ", subsequent_indent=f"{INDENT}  ")
            lines.append(mend)
    broken = [finding.name for finding in findings if finding.state == "broken"]
    verdict = f"Needs mending: {', '.join(broken)}." if broken else "Everything that training needs works."
    return "\n".join([*lines, "", verdict]) + "\n"
