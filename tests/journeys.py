"""Goes the ways of a newcomer by the README alone, and prints how long each took: python -m tests.journeys.

A clone is made of this repository as it is committed, and its README followed heading by heading: the commands are
those that stand there. The first journey sets runproxy up in the clone; the others share that environment, each in a
folder of its own. Those that install something ask a package index. The others have a network of their own where the
system allows one, because they take the ports that the README names; elsewhere these must be free. Ends with code 1
where something did not go as the README says.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.admin.test_browser import browsing
from tests.docs.page import ROOT, Block, parse, section
from tests.docs.play import apart, own_ports, played
from tests.docs.shell import Shell, Trouble

COMMAND_S = 600.0
"""How long one block may take: the set-up loads packages from elsewhere."""
NAME = "tests/journeys.py"
"""In the README, a block is left to these journeys by a comment that names them."""


def blocks(readme: str, heading: str) -> Iterator[Block]:
    """Give what a newcomer runs below a heading, those blocks too that are left to the journeys."""
    before, text = section(readme, heading)
    for block in parse(text):
        is_ours = block.how == "not run" and NAME in block.detail
        yield replace(block, line=block.line + before, **({"how": "run", "detail": ""} if is_ours else {}))


def nothing(_text: str) -> None:
    """Look at nothing more: that all blocks did what the README says is enough."""


def audit_page(text: str) -> None:
    """Open the address that the README names in a browser, and find the calls there that were made before."""
    address = re.search(r"Open <(http\S+)>", text)
    if address is None:
        raise Trouble("the README names no address to open")
    asyncio.run(_visit(address[1]))


async def _visit(address: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        async with browsing(Path(profile)) as browser:
            page = browser.pages[0]
            await page.goto(address)
            told = await page.inner_text("main")
    for shown in ("team", "3"):
        if not re.search(rf"\b{shown}\b", told):
            raise Trouble(f"{address} does not show {shown!r}:\n{told}")


FIRST = "demo"
JOURNEYS: dict[str, tuple[str, Callable[[str], None]]] = {
    FIRST: ("See it work", nothing),
    "record my own": ("Record your own", nothing),
    "test with pytest": ("Test with pytest", nothing),
    "check policy in CI": ("Check your policy in CI", nothing),
    "look at the audit page": ("Look at the audit", audit_page),
}
"""By name: the heading in the README, and what is looked at in the end, while the servers still run."""


def go(name: str, folder: Path) -> None:
    """Go one journey, with what the first has set up; raises Trouble."""
    heading, look = JOURNEYS[name]
    clone = folder / FIRST / "page"
    readme = (clone / "README.md").read_text(encoding="utf-8")
    shell = Shell(folder / name, clone / ".venv" / "bin", command_s=COMMAND_S)
    with played(Path("README.md"), blocks(readme, heading), shell):
        look(section(readme, heading)[1])


def installs(name: str, folder: Path) -> bool:
    """Tell whether a journey asks a package index."""
    readme = (folder / FIRST / "page" / "README.md").read_text(encoding="utf-8")
    return any(NAME in block.detail for block in parse(section(readme, JOURNEYS[name][0])[1]))


def main(folder: Path) -> int:
    """Go them all."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / FIRST / "page")], check=True)
    for name in JOURNEYS:
        prefix = [] if installs(name, folder) else apart()
        began = time.monotonic()
        command = [*prefix, sys.executable, "-m", "tests.journeys", name, str(folder), *prefix[:1]]
        if code := subprocess.run(command, cwd=ROOT, check=False).returncode:
            return code
        print(f"{name:24} {time.monotonic() - began:6.1f} s", flush=True)
    return 0


def one(name: str, folder: str, is_apart: str = "") -> int:
    """Go one in this process."""
    os.environ.pop("PYTHONPATH", None)  # a newcomer has what pip has installed, and not what these tests run on
    try:
        with own_ports(is_apart=bool(is_apart)):
            go(name, Path(folder))
    except Trouble as trouble:
        print(f"{name}: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(one(*sys.argv[1:]))
    with tempfile.TemporaryDirectory(prefix="journeys-") as own:
        sys.exit(main(Path(own)))
