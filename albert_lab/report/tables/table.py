"""A table of strings as Markdown or plain text; `report/page/page.html` draws it as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Column:
    heading: str
    cells: tuple[str, ...]
    group: str = ""  # printed over neighbouring columns that share it: where their figures come from
    number: bool = True  # set flush right


@dataclass(frozen=True)
class Table:
    """Columns of equal length."""

    columns: tuple[Column, ...]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return list(zip(*(column.cells for column in self.columns), strict=True))

    @property
    def has_groups(self) -> bool:
        return any(column.group for column in self.columns)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Neighbouring columns of one group: its name and how many they are."""
        return [(group, len(list(members))) for group, members in groupby(self.columns, key=lambda c: c.group)]

    def markdown(self) -> str:
        heads = [_markdown_cell(f"{c.group}: {c.heading}" if c.group else c.heading) for c in self.columns]
        rules = ["---:" if column.number else ":---" for column in self.columns]
        rows = [[_markdown_cell(cell) for cell in row] for row in self.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in [heads, rules, *rows]) + "\n"

    def text(self) -> str:
        widths = [max(map(len, (column.heading, *column.cells))) for column in self.columns]
        lines = [self._group_line(widths)] if self.has_groups else []
        lines.append(self._line([column.heading for column in self.columns], widths))
        lines.append("  ".join("-" * width for width in widths))
        lines += [self._line(row, widths) for row in self.rows]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = zip(self.columns, row, widths, strict=True)
        return "  ".join(cell.rjust(width) if c.number else cell.ljust(width) for c, cell, width in cells)

    def _group_line(self, widths: Sequence[int]) -> str:
        parts, start = [], 0
        for group, length in self.groups:
            width = sum(widths[start : start + length]) + 2 * (length - 1)
            parts.append(f"{group} ".ljust(width, "-" if group else " ")[:width])
            start += length
        return "  ".join(parts)


def _markdown_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
