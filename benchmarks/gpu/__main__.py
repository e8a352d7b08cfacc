"""What a GPU makes of the lab's training: `python -m benchmarks.gpu [--minutes 9] [--out gpu.json]`, in the checkout.

Needs torch, transformers and lightning, nothing of the lab's other libraries; the device's peak from `conf/hardware`
needs PyYAML and is left out without it. The cases are in `cases.py`, and run in a process of their own: should it die
or hang, that case has an `error` and another process goes on with the rest. The file is written after every case.
"""

import argparse
import faulthandler
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from albert_lab.errors import first_line
from albert_lab.storage.files import read_object, write_json
from benchmarks.gpu.table import table

ROOT = Path(__file__).parents[2]
CASE_SECONDS = 170  # the longest that a case may take
LOST = 3  # exit code of a process whose device answers no more
SPARE_SECONDS = 20  # at the end, below which no case begins


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9.0, help="stop before that")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="written anew")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--scale", choices=("full", "tiny"), default="full", help="tiny: a test of this benchmark")
    parser.add_argument("--case", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)  # the worker's: seconds since 1970
    asked = parser.parse_args()
    if asked.until is not None:
        work(asked)
        return
    asked.out.unlink(missing_ok=True)
    until = time.time() + 60 * asked.minutes
    options = ["--device", asked.device, "--scale", asked.scale, *(["--case", *asked.case] if asked.case else [])]
    command = [sys.executable, "-m", "benchmarks.gpu", "--out", str(asked.out.resolve()), "--until", str(until)]
    found = supervise([*command, *options], asked.out, until)
    print(table(found))
    sys.exit(any("error" in case for case in found["cases"].values()))


def supervise(command: list[str], out: Path, until: float) -> dict[str, Any]:
    """Runs workers until one ends as it should: each goes on behind the case in which the one before it died."""
    while True:
        try:
            code = subprocess.run(command, cwd=ROOT, timeout=max(1.0, until - time.time())).returncode
            ended = f"the process ended with code {code}"
        except subprocess.TimeoutExpired:
            code, ended = -1, "not ended when the time was up"
        if not out.exists():
            sys.exit(f"the benchmark could not start: {ended}")
        found = read_object(out)
        running = found.pop("running", None)
        if running is not None:
            found["cases"][running] = {"error": ended}
            write_json(out, found)
        goes_on = running is not None or code == LOST
        if code == 0 or not goes_on or time.time() > until:
            return found


def work(asked: argparse.Namespace) -> None:
    import torch

    from benchmarks.gpu.cases import CASES
    from benchmarks.gpu.machine import Machine

    if asked.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device is there; --device cpu --scale tiny tries the benchmark itself")
    machine = Machine(torch.device(asked.device), asked.scale == "full")
    names = asked.case or list(CASES)
    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit(f"no case {sorted(unknown)[0]!r}; there are {', '.join(CASES)}")
    if not run_cases(machine, {name: CASES[name] for name in names}, asked.out, asked.until):
        os._exit(LOST)  # at once: nothing on the device can be cleaned up


def run_cases(machine: Any, cases: Mapping[str, Any], out: Path, until: float) -> bool:
    """Runs what `out` has no figures of yet; False where the device is lost and only another process can go on."""
    found = read_object(out) if out.exists() else {"machine": machine.describe(), "cases": {}}
    done = found["cases"]
    machine.peaks = done.get("peak", {})
    for name in [name for name in cases if name not in done]:
        left = until - time.time()
        if left < SPARE_SECONDS:
            done[name] = {"error": "no time was left"}
            continue
        write_json(out, found | {"running": name})
        faulthandler.dump_traceback_later(min(CASE_SECONDS, left), exit=True)
        start = time.perf_counter()
        done[name] = _figures(cases[name], machine)
        done[name]["case_seconds"] = round(time.perf_counter() - start, 1)
        faulthandler.cancel_dump_traceback_later()
        if name == "peak":
            machine.peaks = done[name]
        write_json(out, found)
        if not _answers(machine):
            return False
    write_json(out, found)
    return True


def _figures(case: Any, machine: Any) -> dict[str, Any]:
    try:
        figures: dict[str, Any] = case(machine)
    except Exception as error:  # the cases after it count, whatever this one met
        traceback.print_exc()
        return {"error": first_line(f"{type(error).__name__}: {error}")}
    return figures


def _answers(machine: Any) -> bool:
    """After some errors every later call of the device fails too."""
    try:
        machine.let_go()
        machine.wait()
    except RuntimeError:
        return False
    return True


if __name__ == "__main__":
    main()
