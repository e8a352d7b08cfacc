"""What tests ask of an HTML page."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input", "path", "use"}


class Page(HTMLParser):
    """Checks that tags nest, and gathers what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def check_page(html: str, links: Sequence[str] = ()) -> Page:
    """The page is well formed, loads nothing, links to `links` alone, and no two of its elements share an id."""
    page = Page(html)
    assert page.open == []
    loads = ("src", "srcset", "href", "xlink:href", "action", "data", "poster")
    targets = [str(attributes[key]) for _, attributes in page.tags for key in loads if key in attributes]
    assert [target for target in targets if not target.startswith("#")] == list(links)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\((?!#)|@import", html)
    assert "http://" not in html
    assert "https://" not in html
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)) <= set(map(str, ids))
    return page
