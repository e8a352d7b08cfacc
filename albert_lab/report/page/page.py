"""A report as one HTML file that loads nothing: tables, notes, figures as inline SVG; on light and on dark."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.tables.table import Table


def render_page(
    title: str,
    lead: str,
    tables: Mapping[str, Table],
    charts: Sequence[Chart | MissingChart],
    notes: Sequence[str],
) -> str:
    """The whole page; `lead` is the question it answers, `tables` go by heading, `notes` stand under them."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("page.html")
    return template.render(title=title, lead=lead, tables=tables, charts=charts, notes=notes).lstrip()
