"""Takes the pictures of the README: python -m tests.admin.pictures."""

import asyncio
import os
import random
import tempfile
from pathlib import Path

from runproxy.audit.event import Outcome
from runproxy.audit.settings import DEFAULT_STORE
from runproxy.audit.store import AuditStore
from runproxy.audit.writing import Concluded, Entry, Intent
from tests.admin.test_browser import browsing
from tests.admin.visiting import recorded
from tests.audit.calls import DAY_MS, NOW_MS, call, put
from tests.parts import ask, modify, proxy

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TEAMS = {"search": ("user_id", "env", "ticket"), "ads": ("user_id", "campaign"), "support": ("customer", "env")}


def audit(path: Path) -> None:
    """Make an audit of three teams over three weeks."""
    chance = random.Random(6)
    held: list[Entry] = []
    for at_ms in sorted(NOW_MS - chance.randrange(21 * DAY_MS) for _ in range(1500)):
        team = chance.choices(list(TEAMS), [6, 3, 1])[0]
        metadata = {key: str(chance.randrange(10**6)) for key in TEAMS[team] if chance.random() < 0.8}
        decision = chance.choices(["accepted", "warned", "refused"], [30, 3, 1])[0]
        if decision == "refused":
            metadata["contact"] = "somebody@example.org"
        broken = {"warned": ["policy_unknown_key"], "refused": ["policy_forbidden_shape"]}.get(decision, [])
        intent = Intent(call(metadata, team=team, at_ms=at_ms, decision=decision, broken=broken if metadata else []))
        outcome = ("refused", 400) if decision == "refused" else ("forwarded", 200)
        held += [intent, Concluded(intent, Outcome(at_ms + 70, outcome[1], outcome[0], total_ms=70))]
    path.parent.mkdir(parents=True)
    store = AuditStore.open(path, creates=True)
    put(store, held)
    store.close()


async def main() -> None:
    """Take them."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        audit(Path(DEFAULT_STORE))
        tapes = Path("cassettes")
        await recorded(tapes, {"user_id": "user_abc123", "team": "search"}, name="checkout")
        options = {"viewport": {"width": 1100, "height": 820}, "color_scheme": "light"}
        async with proxy(tapes, "replay", default="checkout") as on, browsing(Path("profile"), **options) as browser:
            await ask(on.url, modify({"user_id": "user_abc123", "team": "ads"}))
            page = browser.pages[0]
            for name, path in (("miss", "/misses/miss-1"), ("audit", "/audit")):
                await page.goto(f"{on.admin_url}{path}")
                await page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
