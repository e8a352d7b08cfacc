"""Maps a function over a stream in worker processes: results in order, a bounded number in flight."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_WORKERS = 16  # beyond it the one writing process is the slower end


def available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    chunk: int = 1,
    initializer: Callable[..., None] | None = None,
    arguments: tuple = (),
) -> Iterator[Result]:
    """`map(function, items)` by `workers` processes (None: the cores; 1: this process), `chunk` items at a time.

    At most `2 * workers` chunks are in flight, so memory stays bounded however long the stream is. Workers end with
    this process, also when it is killed.
    """
    workers = min(workers or available_cores(), _MOST_WORKERS)
    if workers == 1:
        if initializer:
            initializer(*arguments)
        yield from map(function, items)
        return
    # spawn: a forked child would inherit locks held by threads of arrow or torch
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (initializer, arguments)) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        try:
            for chunk_items in _chunks(iter(items), chunk):
                waiting.append(pool.submit(_apply, function, chunk_items))
                if len(waiting) >= 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _chunks(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _apply(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


def _start_worker(initializer: Callable[..., None] | None, arguments: tuple) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer:
        initializer(*arguments)


def _end_with_parent() -> None:
    """A killed parent closes no queue: without this its workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
