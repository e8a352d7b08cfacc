"""Processes that end with the one that started them, however that ends.

Whoever starts a process gives it `child_environment()`; the process calls `end_with_parent()` first. A thread then
looks for the parent, rather than the kernel or a pipe: torchrun closes inherited pipes, and the kernel's death signal
comes when a thread of the parent ends and can be ignored.
"""

import os
import signal
import threading
import time

PARENT = "ALBERT_LAB_PARENT"  # the process id of whoever starts a process
_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 3.0  # to save a training's state; torchrun takes as long, then its ranks: all within 10 seconds


def child_environment() -> dict[str, str]:
    """The environment for a process that ends with this one."""
    return {**os.environ, PARENT: str(os.getpid())}


def adopt_children() -> None:
    """Has processes that a library starts end with this one, if they call `end_with_parent`."""
    os.environ[PARENT] = str(os.getpid())


def end_with_parent() -> None:
    """Ends this process soon after its parent: by SIGTERM, and where that is not enough by SIGKILL.

    A process that somebody else started goes on; so does the caller of `adopt_children`. Calling it again does nothing.
    """
    parent = int(os.environ.get(PARENT, os.getpid()))
    adopt_children()
    if parent != os.getpid():
        threading.Thread(target=_watch, args=(parent,), name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:  # also ends at once where the parent died before
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
