"""Every block of README.md and docs does what its page says; `python -m tests.docs.play PAGE` plays one by hand."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.page import ROOT, pages, parse
from tests.docs.play import PAGE_S
from tests.parts import Report

Played = subprocess.CompletedProcess[str]
PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def play(page: Path) -> Played:
    """Play one page."""
    command = [sys.executable, "-m", "tests.docs.play", str(page)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=2 * PAGE_S, check=False)


@pytest.fixture(scope="module")
def plays(request: pytest.FixtureRequest) -> Iterator[Mapping[Path, "Future[Played]"]]:
    """Begin to play all chosen pages, as many at a time as there are processors; none where xdist spreads the tests."""
    is_spread = "PYTEST_XDIST_WORKER" in os.environ
    chosen = [
        item for item in request.session.items if isinstance(item, pytest.Function) and "plays" in item.fixturenames
    ]
    pool = ThreadPoolExecutor(os.cpu_count())
    pages_of = [Path(str(item.callspec.params["page"])) for item in chosen if not is_spread]
    yield {page: pool.submit(play, page) for page in pages_of}
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_does_what_the_page_says(
    page: Path, plays: Mapping[Path, "Future[Played]"], report: Report
) -> None:
    """Whoever copies the blocks of a page in their order, in a folder with the quickstart, sees what it shows."""
    played = plays[page].result() if page in plays else play(page)
    if played.returncode:
        pytest.fail(played.stderr, pytrace=False)
    report(f"blocks of {page.relative_to(ROOT)}", json.loads(played.stdout.splitlines()[-1]))


@pytest.mark.parametrize("page", PAGES)
def test_a_test_that_stands_in_for_a_block_is_there(page: Path) -> None:
    """Where a comment says that a test tries what is not run, there is that test."""
    for block in parse(page.read_text(encoding="utf-8")):
        if block.how == "not run":
            for name in re.findall(r"tests/[\w/]+\.py", block.detail):
                assert (ROOT / name).is_file(), f"{page.name}:{block.line}: {name}"
