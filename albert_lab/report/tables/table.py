"""A table of strings as Markdown, plain text or HTML; what the strings mean is up to its maker."""

from dataclasses import dataclass
from html import escape
from itertools import groupby

LONG = 26  # characters in a cell from which a page may break its line


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

    def markdown(self) -> str:
        heads = [_markdown_cell(f"{c.group}: {c.heading}" if c.group else c.heading) for c in self.columns]
        rules = ["---:" if c.number else ":---" for c in self.columns]
        rows = [[_markdown_cell(cell) for cell in row] for row in self._rows()]
        return "\n".join("| " + " | ".join(row) + " |" for row in [heads, rules, *rows]) + "\n"

    def text(self) -> str:
        widths = [max(map(len, (c.heading, *c.cells))) for c in self.columns]
        lines = [self._group_line(widths)] if any(c.group for c in self.columns) else []
        lines.append(self._line([c.heading for c in self.columns], widths))
        lines.append("  ".join("-" * width for width in widths))
        lines += [self._line(row, widths) for row in self._rows()]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def html(self) -> str:
        """A `<table>`; its first column holds the rows' headings."""
        head = "".join(f'<th scope="col"{_align(c)}>{escape(c.heading)}</th>' for c in self.columns)
        body = "".join(f"<tr>{self._html_row(row)}</tr>\n" for row in self._rows())
        return f"<table>\n<thead>\n{self._html_groups()}<tr>{head}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>\n"

    def _rows(self) -> list[tuple[str, ...]]:
        return list(zip(*(c.cells for c in self.columns), strict=True))

    def _line(self, row: list[str] | tuple[str, ...], widths: list[int]) -> str:
        cells = zip(self.columns, row, widths, strict=True)
        return "  ".join(cell.rjust(width) if c.number else cell.ljust(width) for c, cell, width in cells)

    def _group_line(self, widths: list[int]) -> str:
        parts = []
        for group, members in groupby(range(len(widths)), key=lambda i: self.columns[i].group):
            span = [widths[i] for i in members]
            width = sum(span) + 2 * (len(span) - 1)
            parts.append(f"{group} ".ljust(width, "-" if group else " ")[:width])
        return "  ".join(parts)

    def _html_groups(self) -> str:
        if not any(c.group for c in self.columns):
            return ""
        spans = [(group, len(list(members))) for group, members in groupby(self.columns, key=lambda c: c.group)]
        cells = (
            f'<th scope="colgroup" colspan="{n}">{escape(g)}</th>' if g else f'<td colspan="{n}"></td>'
            for g, n in spans
        )
        return f'<tr class="groups">{"".join(cells)}</tr>\n'

    def _html_row(self, row: tuple[str, ...]) -> str:
        first = f'<th scope="row">{escape(row[0])}</th>'
        rest = zip(self.columns[1:], row[1:], strict=True)
        return first + "".join(f"<td{_align(column, cell)}>{escape(cell)}</td>" for column, cell in rest)


def _markdown_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _align(column: Column, cell: str = "") -> str:
    if column.number:
        return ' class="number"'
    return ' class="long"' if len(cell) > LONG else ""
