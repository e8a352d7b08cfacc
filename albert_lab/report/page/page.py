"""A report as one HTML file that loads nothing: tables, notes, figures as inline SVG; on light and on dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.tables.table import Table


@dataclass(frozen=True)
class Section:
    """What stands folded under its heading until a reader opens it."""

    heading: str
    table: Table | None = None
    charts: Sequence[Chart | MissingChart] = ()
    notes: Sequence[str] = ()


def render_page(
    title: str,
    lead: str,
    tables: Mapping[str, Table],
    charts: Sequence[Chart | MissingChart],
    notes: Sequence[str],
    answer: Sequence[str] = (),
    pictures: Sequence[Chart | MissingChart] = (),
    folded: Sequence[Section] = (),
    links: Mapping[str, str] | None = None,
) -> str:
    """The whole page: question `lead`, answer, pictures, tables by heading, notes, charts, folded sections, links.

    `links` are other files of the same folder, by what they show.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("page.html")
    contents = {"tables": tables, "charts": charts, "notes": notes, "folded": folded, "pictures": pictures}
    contents["links"] = links or {}
    return template.render(title=title, lead=lead, answer=answer, **contents).lstrip()
