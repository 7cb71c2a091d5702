"""Check the links of the built site without a network: python -m docs.links build/docs.

Every link inside the site leads to a page or a file, and to an anchor that is there. Nothing that a page needs to be
shown is loaded from elsewhere. Of links to elsewhere, the form is checked: https, or http on this machine, and a host.
They are listed with `--list`. Ends with code 1 and tells page and link where one is wrong.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_LOADED: Final = frozenset({"img", "script", "iframe", "source", "video", "audio", "embed", "object", "link"})
_NOT_LOADED: Final = frozenset({"search", "next", "prev", "index", "author", "canonical", "license", "help"})
"""What a link element may be without a browser fetching it."""
_THIS_MACHINE: Final = ("127.0.0.1", "localhost")


@dataclass
class Page(HTMLParser):
    """The links of a page, what it loads, and its anchors."""

    path: Path
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in what a tag links to, loads and can be found by."""
        held = {name: value for name, value in attrs if value}
        self.anchors |= {held[name] for name in ("id", "name") if name in held}
        is_loaded = tag in _LOADED and not _NOT_LOADED & set(held.get("rel", "").split())
        into = self.loads if is_loaded else self.links
        into += [held[name] for name in ("href", "src", "data") if name in held]


def pages(folder: Path) -> dict[Path, Page]:
    """Read all pages of a site."""
    return {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}


def troubles(site: dict[Path, Page]) -> Iterator[str]:
    """Tell of every link that leads nowhere, and of everything that is loaded from elsewhere."""
    for page in site.values():
        for target in page.loads:
            if urlsplit(target).netloc:
                yield f"{page.path}: loads {target} from elsewhere"
        for target in (*page.links, *page.loads):
            link = urlsplit(target)
            reason = _wrong_outside(link) if link.scheme or link.netloc else _wrong_inside(page, link, site)
            if reason:
                yield f"{page.path}: {target}: {reason}"


def outside(site: dict[Path, Page]) -> list[str]:
    """List where the links to elsewhere lead."""
    return sorted({target for page in site.values() for target in page.links if urlsplit(target).netloc})


def _wrong_outside(link: SplitResult) -> str:
    if link.scheme == "data":
        return ""
    is_here = link.scheme == "http" and link.hostname in _THIS_MACHINE
    return "" if link.hostname and (link.scheme == "https" or is_here) else "is neither https nor on this machine"


def _wrong_inside(page: Page, link: SplitResult, site: dict[Path, Page]) -> str:
    path = (page.path.parent / unquote(link.path) if link.path else page.path).resolve()
    if not path.is_file():
        return "there is no such file"
    anchor = unquote(link.fragment)
    if anchor and path in site and anchor not in site[path].anchors:
        return "there is no such anchor"
    return ""


def main(folder: str, *options: str) -> int:
    """Check a site and tell what is wrong."""
    site = pages(Path(folder))
    found = list(troubles(site)) if site else [f"{folder}: there are no pages"]
    print("\n".join(found), file=sys.stderr)
    elsewhere = outside(site)
    if "--list" in options:
        print("\n".join(elsewhere))
    links = sum(len(page.links) for page in site.values())
    print(f"{len(site)} pages, {links} links, {len(elsewhere)} addresses elsewhere, {len(found)} wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
