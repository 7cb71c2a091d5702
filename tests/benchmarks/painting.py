"""How soon the page of the audit is seen, in Chromium, on a large store. Run by hand:

    python -m tests.benchmarks.painting --store FILE [--runs 3]

`python -m tests.benchmarks.audit --store FILE` writes such a store. Each run loads the page anew, without a cache.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.admin.test_browser import browsing
from tests.parts import proxy

PATHS: Final = ("/audit", "/audit?team=team-03", "/audit/calls", "/audit/calls?key=user_id", "/audit/values?key=env")
TIMES: Final = """() => new Promise(told => new PerformanceObserver(seen => {
    const painted = seen.getEntriesByName("first-contentful-paint")[0];
    if (painted) told([performance.getEntriesByType("navigation")[0].responseStart, painted.startTime]);
}).observe({type: "paint", buffered: true}))"""
"""Waits for the paint, which may come after the load."""


async def times_of(browser: Any, url: str) -> tuple[float, float]:
    """Tell after how many milliseconds an answer begins, and something of it is seen, in a tab of its own."""
    page = await browser.new_page()
    await page.goto(url, timeout=60_000)
    begun, painted = await page.evaluate(TIMES)
    await page.close()
    return begun, painted


async def measure(store: Path, runs: int) -> None:
    """Print the median and the worst of each page."""
    print(f"{'page':32}{'answer ms':>12}{'painted ms':>12}{'worst ms':>12}")
    with tempfile.TemporaryDirectory() as folder:
        home, rules = Path(folder), {"audit": {"store": str(store), "modes": []}}
        async with proxy(home / "tapes", "replay", rules=rules) as on, browsing(home / "profile") as browser:
            for path in PATHS:
                found = [await times_of(browser, f"{on.admin_url}{path}") for _ in range(runs)]
                begun, painted = zip(*found, strict=True)
                figures = (statistics.median(begun), statistics.median(painted), max(painted))
                print(f"{path:32}" + "".join(f"{figure:12.0f}" for figure in figures), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(measure(given.store.absolute(), given.runs))


if __name__ == "__main__":
    main()
