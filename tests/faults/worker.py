"""Reads damaged files in child processes with limits, and says what became of each.

A child reads one mutation after another. Where one ends it or keeps it too long, the parent notes that and starts
another child behind it.
"""

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from albert_lab.errors import UserError
from tests.faults.kinds import Kind
from tests.faults.mutations import PATHS

MEMORY_BYTES = 3 << 30  # that a child may take beyond what it has at its start
LONGEST_MESSAGE = 1000  # characters
FAULTS = ("untidy", "traceback", "memory", "hang", "signal", "breach")
OUTCOMES = ("read", "refused", *FAULTS)
EXECUTES = {
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen"),
    *("socket.connect", "socket.bind"),
}  # audit events of what no reader does
CHANGES = {
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown")
}  # and those of what it does in few places; `open` for writing is another


@dataclass(frozen=True)
class Fault:
    """One mutation that was not read or refused cleanly."""

    kind: str
    number: int
    seed: int
    outcome: str
    mutation: str
    detail: str

    def __str__(self) -> str:
        again = f"python -m tests.faults.fuzz {self.kind} --seed {self.seed} --only {self.number}"
        return f"{self.outcome}: {self.mutation}\n  {again}\n  {self.detail}"


@dataclass
class Tally:
    """What became of the mutations of one kind."""

    kind: str
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)


def fuzz(kind: Kind, numbers: range, seed: int, hang_seconds: float) -> Tally:
    """Makes and reads the mutations with these numbers."""
    tally = Tally(kind.name)
    with tempfile.TemporaryDirectory(prefix="albert-lab-fuzz-") as scratch:
        whole = Path(scratch, "whole")
        whole.mkdir()
        _in_child(lambda: kind.make(whole))
        first = numbers.start
        while first < numbers.stop:
            for number, outcome, mutation, detail in _run(kind, whole, range(first, numbers.stop), seed, hang_seconds):
                tally.outcomes[outcome] += 1
                if outcome in FAULTS:
                    tally.faults.append(Fault(kind.name, number, seed, outcome, mutation, detail))
                elif detail:
                    tally.messages.add(detail)
                first = number + 1
    return tally


def _in_child(function: Any) -> None:
    """Keeps the threads of libraries out of this process, which forks."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "the whole files could not be made"


def _run(
    kind: Kind, whole: Path, numbers: range, seed: int, hang_seconds: float
) -> Iterator[tuple[int, str, str, str]]:
    """(number, outcome, mutation, detail) of each mutation until the child ends."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        _serve(kind, whole, numbers, seed, sending)
    os.close(sending)
    number, mutation = numbers.start, ""
    with open(receiving, "rb", buffering=0) as messages:
        while True:
            ready, _, _ = select.select([messages], [], [], hang_seconds)
            if not ready:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                yield number, "hang", mutation, f"no end after {hang_seconds:g} s"
                return
            line = _read_line(messages)
            if not line:
                break
            message = json.loads(line)
            if message["event"] == "broken":
                raise RuntimeError(f"the fuzzer itself failed at number {number}:\n{message['detail']}")
            if message["event"] == "end":
                yield number, message["outcome"], mutation, message["detail"]
                number, mutation = number + 1, ""
            else:
                mutation = message["mutation"]
    status = os.waitpid(child, 0)[1]
    if number < numbers.stop:
        ended = f"ended by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "left"
        yield number, "signal", mutation, ended


def _read_line(stream: Any) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = stream.read(1)
        if not byte:
            return b""
        line += byte
    return line


def _serve(kind: Kind, whole: Path, numbers: range, seed: int, sending: int) -> None:
    """Runs in the child and ends it."""
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        sys.dont_write_bytecode = True
        _limit_memory()
        sys.addaudithook(_watch)
        scratch = whole.with_name("scratch")
        kind.read(_copy(whole, scratch))  # libraries import and prepare things at their first use
        for number in numbers:
            _copy(whole, scratch)
            mutation = apply(kind, scratch, seed, number)
            _send(sending, event="start", mutation=mutation)
            outcome, detail = judge(kind, scratch)
            _send(sending, event="end", outcome=outcome, detail=detail)
    except BaseException:
        _send(sending, event="broken", detail=traceback.format_exc())
    finally:
        os._exit(0)


def _copy(whole: Path, scratch: Path) -> Path:
    shutil.rmtree(scratch, ignore_errors=True)
    return Path(shutil.copytree(whole, scratch))


def _send(sending: int, **message: Any) -> None:
    os.write(sending, json.dumps(message).encode()[:60_000] + b"\n")


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def apply(kind: Kind, folder: Path, seed: int, number: int) -> str:
    """Damages one file of the folder; the same from the same seed and number. Returns what it did, in words."""
    draw = Random(f"{seed} {kind.name} {number}")
    name = draw.choice(sorted(kind.files))
    files = sorted(folder.glob(name))
    file = draw.choice(files)
    at_path = draw.random() < 0.02
    if at_path:
        change: Any = draw.choice(PATHS)
        change(file)
    else:
        change = draw.choice(kind.files[name])
        file.write_bytes(change(draw, file.read_bytes()))
    return f"{getattr(change, '__name__', change)} of {file.relative_to(folder)}"


_breaches: list[str] | None = None  # seen while a reader runs; None: nobody looks
_may_write: tuple[str, ...] = ()  # below these paths


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _breaches is None:
        return
    if event in EXECUTES or (_is_change(event, arguments) and not _is_allowed(arguments[0])):
        _breaches.append(f"{event}{arguments[:2]}")


def _is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "os.mkdir":
        return not os.path.exists(arguments[0])  # else it fails
    if event == "open" and isinstance(arguments[2], int):
        is_nameless = os.path.isdir(arguments[0])  # a temporary file of its own, which ends with the process
        return not is_nameless and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    return event in CHANGES


def _is_allowed(path: Any) -> bool:
    return isinstance(path, int) or os.path.abspath(os.fspath(path)).startswith((os.devnull, *_may_write))


def judge(kind: Kind, folder: Path) -> tuple[str, str]:
    """(what became of reading the folder, its message or traceback)."""
    global _breaches, _may_write
    before = _list(folder, kind.writes)
    _breaches, _may_write = [], tuple(f"{folder}/{name}" for name in kind.writes)
    try:
        with contextlib.chdir(folder):
            outcome, detail = _read(kind, folder)
    finally:
        breaches, _breaches = _breaches, None
    if breaches:
        return "breach", breaches[0][:300]
    after = _list(folder, kind.writes)
    if after != before:
        return "breach", f"changed {sorted(set(after.items()) ^ set(before.items()))[:2]}"
    return outcome, detail


def _read(kind: Kind, folder: Path) -> tuple[str, str]:
    try:
        kind.read(folder)
    except UserError as error:
        message = str(error)
        tidy = message and message.isprintable() and len(message) <= LONGEST_MESSAGE
        return ("refused" if tidy else "untidy"), message[:300].replace(str(folder), "FOLDER")
    except MemoryError:
        return "memory", _last_lines()
    except BaseException:
        return "traceback", _last_lines()
    return "read", ""


def _last_lines() -> str:
    return " | ".join(line.strip() for line in traceback.format_exc(limit=-4).splitlines()[-9:])[-1500:]


def _list(folder: Path, ignored: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if not name.startswith(ignored or ("\0",)):
            state = path.lstat()
            found[name] = (state.st_size if not path.is_dir() else 0, state.st_mtime_ns if not path.is_dir() else 0)
    return found
