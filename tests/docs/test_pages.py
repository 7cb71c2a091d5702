"""Every block of README.md and docs does what its page says; `python -m tests.docs.play PAGE` plays one by hand."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import ROOT, pages, parse
from tests.docs.play import PAGE_S
from tests.parts import Report

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_does_what_the_page_says(page: Path, report: Report) -> None:
    """Whoever copies the blocks of a page in their order, in a folder with the quickstart, sees what it shows."""
    command = [sys.executable, "-m", "tests.docs.play", str(page)]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=2 * PAGE_S, check=False)
    assert played.returncode == 0, played.stderr
    report(f"blocks of {page.relative_to(ROOT)}", json.loads(played.stdout.splitlines()[-1]))


@pytest.mark.parametrize("page", PAGES)
def test_a_test_that_stands_in_for_a_block_is_there(page: Path) -> None:
    """Where a comment says that a test tries what is not run, there is that test."""
    for block in parse(page.read_text(encoding="utf-8")):
        if block.how == "not run":
            for name in re.findall(r"tests/[\w/]+\.py", block.detail):
                assert (ROOT / name).is_file(), f"{page.name}:{block.line}: {name}"
