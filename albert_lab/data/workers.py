"""Maps a function over a stream in worker processes: results in order, a bounded number in flight.

Workers are plain subprocesses that talk over their pipes. Unlike a `ProcessPoolExecutor`'s they never import the
caller's `__main__` (a notebook's or a script's without a guard), they end with the process that started them even when
it is killed, and the death of one is an error, not an endless wait.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any, TypeVar

from albert_lab.processes import child_environment, end_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_WORKERS = 16  # beyond it the one writing process is the bottleneck
_IN_FLIGHT = 2  # chunks per worker: one in work, one waiting, so that it never idles
_BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from albert_lab.data.workers import serve; serve()"
)


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    chunk: int = 1,
) -> Iterator[Result]:
    """`map(function, items)` by `workers` processes (None: the cores; 1: this process), `chunk` items at a time.

    `function` is pickled once per worker, so a callable object may carry what is costly to load. Memory stays bounded
    however long the stream is. Raises what the function raises, and RuntimeError where a worker was killed.
    """
    workers = min(workers or available_cores(), _MAX_WORKERS)
    if workers == 1:
        yield from map(function, items)
        return
    with ExitStack() as stack:
        pool = [stack.enter_context(_Worker(function)) for _ in range(workers)]
        busy: deque[_Worker] = deque()
        for number, chunk_items in enumerate(_chunks(iter(items), chunk)):
            if len(busy) == _IN_FLIGHT * workers:
                yield from busy.popleft().receive()
            worker = pool[number % workers]  # in turns, so results come back in the order of the items
            worker.send(chunk_items)
            busy.append(worker)
        while busy:
            yield from busy.popleft().receive()


def _chunks(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while chunk := list(islice(items, size)):
        yield chunk


class _Worker:
    """A subprocess that applies a function to the lists it is sent."""

    def __init__(self, function: Callable[[Any], Any]):
        self._function = function

    def __enter__(self) -> "_Worker":
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT],
            env=child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.send(sys.path)
        self.send(self._function)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # nothing is in flight, or its results are no longer wanted
        self._process.communicate()

    def send(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._explain_death() from None

    def receive(self) -> list[Any]:
        """The next results. Raises: what the function raised."""
        assert self._process.stdout is not None
        try:
            results, error = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise self._explain_death() from None
        if error is not None:
            raise error
        return results

    def _explain_death(self) -> RuntimeError:
        return RuntimeError(
            f"a worker process ended with code {self._process.wait()} before its work was done "
            f"(-9: killed, most often because memory ran out)"
        )


def serve() -> None:
    """Runs in a worker: reads the function, then lists of items, from standard input until that is closed."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted parent closes the pipe
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the results
    function = pickle.load(sys.stdin.buffer)
    inbox: queue.Queue[list[Any] | None] = queue.Queue()  # the sender limits it to `_IN_FLIGHT`
    threading.Thread(target=_receive_all, args=(inbox,), daemon=True).start()
    while (items := inbox.get()) is not None:
        done, error = _apply(function, items)
        try:
            pickle.dump((done, error), results, protocol=pickle.HIGHEST_PROTOCOL)
            results.flush()
        except BrokenPipeError:
            break
    os._exit(0)  # without waiting for the reading thread


def _apply(function: Callable[[Any], Any], items: list[Any]) -> tuple[list[Any], Exception | None]:
    try:
        return [function(item) for item in items], None
    except Exception as error:  # whatever it is, the caller raises it
        return [], error


def _receive_all(inbox: "queue.Queue[list[Any] | None]") -> None:
    """Empties the pipe as it fills, so that a sender never waits for a worker that waits for it."""
    try:
        while True:
            inbox.put(pickle.load(sys.stdin.buffer))
    except (EOFError, pickle.UnpicklingError):  # closed, or cut short by the death of the sender
        pass
    finally:  # after any other error too, which is printed: nothing more will come
        inbox.put(None)
