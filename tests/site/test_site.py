"""The site: it is built without a warning, every link leads somewhere, and nothing is loaded from elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from docs import links
from tests.parts import Report

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as .ci/run does."""
    pytest.importorskip("sphinx", reason="the site is built with the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "docs", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=170, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_link_of_the_site_leads_somewhere(site: Path, report: Report) -> None:
    """Pages, anchors and files that links name are there; addresses elsewhere are https."""
    pages = links.pages(site)
    assert list(links.troubles(pages)) == []
    report("the site", {"pages": len(pages), "links": sum(len(page.links) for page in pages.values())})


def test_every_page_is_in_the_contents(site: Path) -> None:
    """Every Markdown file below docs is a page of the site, and the front page leads to it."""
    front = links.pages(site)[(site / "index.html").resolve()]
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages - {"index.html"} <= {link.partition("#")[0] for link in front.links}


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        pytest.param('<a href="gone.html">', "there is no such file", id="a page that is not there"),
        pytest.param('<a href="#gone">', "there is no such anchor", id="an anchor that is not there"),
        pytest.param('<a href="http://example.org/">', "neither https", id="plain http"),
        pytest.param('<a href="https:///path">', "neither https", id="no host"),
        pytest.param('<img src="https://example.org/x.png">', "from elsewhere", id="an image from elsewhere"),
        pytest.param('<link rel="stylesheet" href="//example.org/x.css">', "from elsewhere", id="a style sheet"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, trouble: str) -> None:
    """A page with a link that leads nowhere, or that loads something from elsewhere, is named with it."""
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert trouble in "\n".join(links.troubles(links.pages(tmp_path)))


def test_what_is_right_passes(tmp_path: Path) -> None:
    """Links to a page, an anchor, a file and an address elsewhere are no trouble."""
    (tmp_path / "file.json").write_text("{}", encoding="utf-8")
    (tmp_path / "page.html").write_text(
        '<h1 id="here"><a href="#here"><a href="page.html#here"><a href="file.json"><a href="https://example.org">'
        '<a href="http://127.0.0.1:8788"><link rel="canonical" href="https://example.org/page.html">',
        encoding="utf-8",
    )
    assert list(links.troubles(links.pages(tmp_path))) == []
    assert links.main(str(tmp_path)) == 0
