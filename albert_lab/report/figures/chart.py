"""A chart with its title and its text alternative, as inline SVG for a page or PNG for a notebook."""

import hashlib
import io
import re
import warnings
from dataclasses import dataclass, field
from html import escape

import matplotlib
from matplotlib.figure import Figure

INK = "#1f2329"  # text and axes; becomes the page's own text colour in SVG, so that it reads on light and dark
GRID = "#8a8f98"


@dataclass(frozen=True)
class Chart:
    """A figure that is ready to show; `alt` says in words what it shows, values included."""

    title: str
    alt: str
    note: str  # what to look at, and what not to conclude
    figure: Figure = field(repr=False)

    def svg(self) -> str:
        """An `<svg>` element that scales with the page, loads nothing and takes the page's text colour."""
        key = hashlib.sha256(self.title.encode()).hexdigest()[:8]
        buffer = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": key}), warnings.catch_warnings():  # ids: stable, one chart's own
            warnings.filterwarnings("ignore", message="Glyph")  # a label's letter that the font lacks is a box
            self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        return _make_inline(buffer.getvalue(), key, self.title, self.alt)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the figure under its title, which a page puts into the caption."""
        buffer = io.BytesIO()
        heading = self.figure.suptitle(self.title, color=INK, fontsize=11, fontweight="bold")
        self.figure.savefig(buffer, format="png", dpi=110, facecolor="white")
        heading.set_text("")
        return buffer.getvalue()


@dataclass(frozen=True)
class MissingChart:
    """Stands in place of a chart that has nothing to show, and says why."""

    title: str
    reason: str

    def _repr_markdown_(self) -> str:
        return f"**{self.title}:** {self.reason}"


def _make_inline(text: str, key: str, title: str, alt: str) -> str:
    """Turns Matplotlib's SVG file into an element of a page: unique ids, no size of its own, a title and `alt`."""
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    root, rest = text.split(">", 1)
    root = re.sub(r' (?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", root)
    for mark in ('id="', 'href="#', "url(#"):
        rest = rest.replace(mark, f"{mark}{key}-")
    rest = rest.replace(INK, "currentColor")
    return f'{root} role="img" aria-label="{escape(alt)}">\n<title>{escape(title)}</title>{rest}'
