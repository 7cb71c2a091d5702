"""The usage file: what a server has played of its cassettes, sessions included, told in the end."""

import json
from pathlib import Path

import pytest

from runproxy.cassette.usage import read_report
from runproxy.errors import ConfigError
from tests.cli.cassettes import cassette
from tests.flows.test_sessions import start
from tests.parts import ScriptedUpstream, ask, echo, modify, proxy, serving

CALLS = [modify({"call": name}) for name in "abcd"]


async def record(folder: Path) -> None:
    """Record all calls."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(folder, "record", base_url) as on:
        await ask(on.url, *CALLS)


async def test_it_tells_what_nobody_has_played(tmp_path: Path) -> None:
    """Neither a session nor a call outside of one; pruned by it, the cassette still answers what it did."""
    await record(tmp_path)
    usage = tmp_path / "usage.json.report"
    async with proxy(tmp_path, "replay", usage_file=str(usage)) as on:
        await ask(on.url, CALLS[0])
        one, two = await start(on), await start(on)
        await ask(one["base_url"].removesuffix("/v1"), CALLS[1], CALLS[0])
        await ask(two["base_url"].removesuffix("/v1"), CALLS[1])
    assert read_report(usage.read_bytes(), "usage").cassettes["default"].unused == (2, 3)
    pruned = cassette("prune", "default", "--unused", str(usage), "--write", "--dir", str(tmp_path))
    assert (pruned.exit_code, len(pruned.stdout.splitlines())) == (0, 2)
    async with proxy(tmp_path, "replay") as on:
        outcomes = [got.headers["x-runproxy-outcome"] for got in await ask(on.url, *CALLS)]
    assert outcomes == ["replayed", "replayed", "miss", "miss"]


async def test_what_auto_has_recorded_counts_as_played(tmp_path: Path) -> None:
    """It has just answered a call."""
    usage = tmp_path / "usage.txt"
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        proxy(tmp_path, "auto", base_url, usage_file=str(usage)) as on,
    ):
        await ask(on.url, *CALLS)
    assert json.loads(usage.read_text())["cassettes"]["default"]["unused"] == []


async def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    """With the setting and the file, before any call is answered."""
    with pytest.raises(ConfigError, match=r"cassettes\.usage_file: cannot write /no/such/folder/x: No such file"):
        async with proxy(tmp_path, "replay", usage_file="/no/such/folder/x"):
            pass
