"""A report as one HTML file that loads nothing: table, notes, figures as inline SVG; on light and on dark."""

from collections.abc import Mapping, Sequence
from html import escape

from albert_lab.report.figures.plots import Drawn
from albert_lab.report.tables.table import Table

_STYLE = """
:root { color-scheme: light dark;
    --ground: #ffffff; --ink: #1f2329; --faint: #5d6470; --line: #d7dae0; --band: #f5f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15181d; --ink: #e6e8eb; --faint: #a3abb7; --line: #343a44; --band: #1d2128; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 96rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.question { margin: 0 0 1.4rem; max-width: 60rem; font-size: 1.05rem; color: var(--faint); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; line-height: 1.35; }
th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; }
td { white-space: nowrap; }
td.long { white-space: normal; min-width: 11rem; }
thead th { vertical-align: bottom; font-weight: 600; color: var(--faint); border-bottom: 1px solid var(--line); }
.groups th { color: var(--ink); border-left: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tbody tr:nth-child(odd) > * { background: var(--band); }
tbody th { position: sticky; left: 0; min-width: 8.5rem; font-weight: 600; background: var(--ground); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); gap: 2rem; }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; max-width: 46rem; }
figcaption { font-size: .9rem; color: var(--faint); max-width: 46rem; margin-top: .4rem; }
figcaption strong { color: var(--ink); }
.absent { color: var(--faint); font-size: .9rem; }
.notes { padding-left: 1.2rem; max-width: 60rem; }
.notes li { margin: .35rem 0; }
"""


def page(title: str, lead: str, tables: Mapping[str, Table], charts: Sequence[Drawn], notes: Sequence[str]) -> str:
    """The whole page; `lead` is the question it answers, `tables` go by heading, `notes` stand under them."""
    results = "".join(_section(heading, table) for heading, table in tables.items())
    figures = "".join(chart.html() for chart in charts)
    listed = "".join(f"<li>{escape(note)}</li>\n" for note in notes)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="question">{escape(lead)}</p>
{results}<h2>How to read this</h2>
<ul class="notes">
{listed}</ul>
<h2>Figures</h2>
<div class="figures">
{figures}</div>
</main>
</body>
</html>
"""


def _section(heading: str, table: Table) -> str:
    return (
        f'<h2>{escape(heading)}</h2>\n<div class="wide" tabindex="0" role="region" aria-label="{escape(heading)}">\n'
        f"{table.html()}</div>\n"
    )
