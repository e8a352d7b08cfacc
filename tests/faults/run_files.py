"""What a run's folder holds, and what a user configures."""

from tests.faults.kind import Kind

RUN_FILES: tuple[Kind, ...] = ()
