"""A table of strings as Markdown or plain text; `report/page/page.html` draws it as HTML."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Column:
    heading: str
    cells: tuple[str, ...]
    group: str = ""  # printed over neighbouring columns that share it: where their figures come from
    number: bool = True  # set flush right
    rank: int = 0  # in a narrow terminal the column with the highest is left out first; 0: never


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

    def text(self, width: int | None = None) -> str:
        """For a terminal, no wider than `width` characters: headings are wrapped, then columns left out."""
        table = self if width is None else self.fit(width)
        widths = table.widths(wraps=width is not None and table.width() > width)
        lines = [table._group_line(widths)] if table.has_groups else []
        headings = [
            [line.replace("\xa0", " ") for line in textwrap.wrap(_glue(c.heading), w, break_long_words=False)]
            for c, w in zip(table.columns, widths, strict=True)
        ]
        height = max(map(len, headings), default=0)
        padded = [[""] * (height - len(words)) + words for words in headings]
        lines += [table._line(row, widths) for row in zip(*padded, strict=True)]
        lines.append("  ".join("-" * width for width in widths))
        lines += [table._line(row, widths) for row in table.rows]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def fit(self, width: int) -> "Table":
        """The columns that a terminal of `width` characters can show, those of least importance left out."""
        table = self
        while table.width(wraps=True) > width and any(column.rank for column in table.columns):
            last = max(range(len(table.columns)), key=lambda index: (table.columns[index].rank, index))
            table = Table(table.columns[:last] + table.columns[last + 1 :])
        return table

    def widths(self, wraps: bool = False) -> list[int]:
        """Of every column; `wraps`: with headings of several lines."""
        return [
            max(map(len, (*(_glue(c.heading).split(" ") if wraps else [c.heading]), *c.cells, "")))
            for c in self.columns
        ]

    def width(self, wraps: bool = False) -> int:
        return sum(widths := self.widths(wraps)) + 2 * (len(widths) - 1)

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


def _glue(heading: str) -> str:
    """An arrow stays on the line of the word before it."""
    return re.sub(" (?=[↑↓])", "\xa0", heading)


def _markdown_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
