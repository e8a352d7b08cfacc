"""A kind of files to damage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.mutations import Mutate


@dataclass(frozen=True)
class Kind:
    """Files that belong together; one of them is damaged at a time."""

    name: str
    make: Callable[[Path], Any]  # writes whole files into a folder
    files: Mapping[str, Sequence[Mutate]]  # those that are damaged, by a glob in that folder -> how
    read: Callable[[Path], Any]  # as the library or a command does
    writes: tuple[str, ...] = ()  # what a reader may write: how the names in the folder begin
    share: float = 1.0  # of all mutations, relative to other kinds; less for what is slow to read
