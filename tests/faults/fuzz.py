"""Damages files of every kind that a user can hand us and counts what becomes of them.

    python -m tests.faults.fuzz --count 20000             # over all kinds; ends with 1 if there was any fault
    python -m tests.faults.fuzz config.json --count 500
    python -m tests.faults.fuzz config.json --only 17     # one mutation in this process, with its traceback

A mutation is read, or refused in one line; anything else is a fault: a traceback, memory beyond a limit, no end, a
signal, or a reader that writes, runs a process or opens a connection (a breach).
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.kinds import KINDS
from tests.faults.model_files import load_libraries
from tests.faults.worker import OUTCOMES, Tally, apply, fuzz


def main() -> int:
    asked = parser().parse_args()
    if asked.only is not None:
        return read_one(asked.kinds[0], asked.seed, asked.only)
    load_libraries()
    shares = {name: KINDS[name].share for name in asked.kinds or KINDS}
    print(f"{'':<24}{'seconds':>9}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES))
    total = Tally("all")
    for name, share in shares.items():
        count = max(1, round(asked.count * share / sum(shares.values())))
        start = time.monotonic()
        tally = fuzz(KINDS[name], range(asked.first, asked.first + count), asked.seed, asked.hang_seconds)
        print_row(tally, time.monotonic() - start)
        if asked.messages:
            print("".join(f"    {message}\n" for message in sorted(tally.messages)))
        total.outcomes.update(tally.outcomes)
        total.faults += tally.faults
    print_row(total, 0)
    for fault in total.faults:
        print(fault)
    return 1 if total.faults else 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.faults.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"all, or some of: {', '.join(KINDS)}")
    parser.add_argument("--count", type=int, default=1000, help="mutations over all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of each kind's first mutation")
    parser.add_argument("--only", type=int, help="read the mutation with this number here, without limits")
    parser.add_argument("--hang-seconds", type=float, default=60, help="after which a reader counts as hanging")
    parser.add_argument("--messages", action="store_true", help="print the messages of what was refused")
    return parser


def print_row(tally: Tally, seconds: float) -> None:
    counts = "".join(f"{tally.outcomes[outcome]:>11}" for outcome in OUTCOMES)
    print(f"{tally.kind:<24}{seconds:>9.1f}{counts}", flush=True)


def read_one(name: str, seed: int, number: int) -> int:
    kind = KINDS[name]
    with tempfile.TemporaryDirectory(prefix="albert-lab-fuzz-") as scratch:
        folder = Path(scratch)
        kind.make(folder)
        print(apply(kind, folder, seed, number), file=sys.stderr)
        kind.read(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
