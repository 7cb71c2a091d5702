"""What the tests of pages look at: cassettes that were recorded of calls with this metadata."""

from pathlib import Path

from runproxy.audit.settings import DEFAULT_STORE
from tests.audit.calls import NOW_MS, call, entries, put, varied
from tests.parts import ScriptedUpstream, ask, echo, modify, proxy, serving

HOSTILE = {
    "<script>alert(1)</script>": "<img src=x onerror=alert(1)>",
    "\u202eright-to-left": "\u200f\u202eשלם\u2066 אבג",
    "emoji": "😀" * 512,
    "{{ 7 * 7 }}": "{% raw %}'\"><svg/onload=alert(1)>",
    "long": "x" * 512,
}


async def recorded(folder: Path, *metadata: dict[str, str], name: str = "taken") -> None:
    """Record a call for each of these."""
    async with serving(ScriptedUpstream(make=echo)) as upstream, proxy(folder, "record", upstream, default=name) as on:
        for answer in await ask(on.url, *map(modify, metadata)):
            assert answer.status == 200


def audited(folder: Path) -> None:
    """Put an audit below a folder, where a proxy that is started in it looks for one."""
    calls = varied(folder)
    put(calls, entries(call(HOSTILE, at_ms=NOW_MS - 7, team="<b>bold")))
    calls.close()
    default = folder / DEFAULT_STORE
    default.parent.mkdir()
    (folder / "audit.db").rename(default)
