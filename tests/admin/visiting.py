"""What the tests of pages look at: cassettes that were recorded of calls with this metadata."""

from pathlib import Path

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
