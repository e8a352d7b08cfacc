"""What becomes of a malformed row: it stops the run with file and line, or is left out, counted and listed."""

from pathlib import Path

from albert_lab.config.training import BadRows
from albert_lab.data.tasks.examples import BadRow
from albert_lab.errors import UserError


class RowChecks:
    """Collects the malformed rows of one file; `task.bad_rows` says whether the first one is an error."""

    def __init__(self, file: Path, policy: BadRows) -> None:
        self.file, self.policy = file, policy
        self.left_out: list[BadRow] = []

    def refuse(self, line: int, reason: str) -> None:
        """Leaves the row out, or raises UserError with file and line."""
        row = BadRow(str(self.file), line, reason)
        if self.policy is BadRows.refuse:
            raise UserError(f"{row}; task.bad_rows=leave_out leaves such rows out and lists them")
        self.left_out.append(row)
