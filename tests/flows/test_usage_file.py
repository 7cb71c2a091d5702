"""The usage file: what a server has played of its cassettes, sessions included, told in the end."""

import json
from pathlib import Path

import pytest

from runproxy.cassettes.usage import read_report
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
    """Neither a session nor a call outside of one; pruned by it, the cassette still answers what it did.

    Until the end the report tells of nothing: one that a killed process leaves must not say that all is unused.
    """
    await record(tmp_path)
    usage = tmp_path / "usage.json.report"
    async with proxy(tmp_path, "replay", usage_file=str(usage)) as on:
        assert json.loads(usage.read_bytes()) == {"cassettes": {}}
        await ask(on.url, CALLS[0])
        one, two = await start(on), await start(on)
        await ask(one["base_url"].removesuffix("/v1"), CALLS[1])
        await ask(two["base_url"].removesuffix("/v1"), CALLS[1])
    assert read_report(usage.read_bytes(), "usage").cassettes["default"].unused == (2, 3)
    pruned = cassette("prune", "default", "--unused", str(usage), "--write", "--dir", str(tmp_path))
    assert (pruned.exit_code, len(pruned.stdout.splitlines())) == (0, 2)
    async with proxy(tmp_path, "replay") as on:
        outcomes = [got.headers["x-runproxy-outcome"] for got in await ask(on.url, *CALLS)]
    assert outcomes == ["replayed", "replayed", "miss", "miss"]


@pytest.mark.parametrize("on_exhausted", ["last", "cycle", "error"])
async def test_calls_that_name_no_session_count(tmp_path: Path, on_exhausted: str) -> None:
    """Of the default cassette and of another that they name, however often they come."""
    await record(tmp_path)
    (tmp_path / "other.json").write_bytes((tmp_path / "default.json").read_bytes())
    usage = tmp_path / "usage.report"
    async with proxy(tmp_path, "replay", usage_file=str(usage), on_exhausted=on_exhausted) as on:
        await ask(on.url, CALLS[1], *[CALLS[2]] * 3)
        await ask(f"{on.url}/@other", CALLS[3], CALLS[3])
    told = read_report(usage.read_bytes(), "usage").cassettes
    assert {name: held.unused for name, held in told.items()} == {"default": (0, 3), "other": (0, 1, 2)}


async def test_what_auto_has_recorded_counts_as_played(tmp_path: Path) -> None:
    """It has just answered a call; what was on file before and was not asked for does not."""
    await record(tmp_path)
    usage, fresh = tmp_path / "usage.txt", [modify({"call": name}) for name in "xy"]
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        proxy(tmp_path, "auto", base_url, usage_file=str(usage)) as on,
    ):
        await ask(on.url, CALLS[1], *fresh)
    told = json.loads(usage.read_text())["cassettes"]["default"]
    assert (told["unused"], told["interactions"]) == ([0, 2, 3], 6)


async def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    """With the setting and the file, before any call is answered."""
    with pytest.raises(ConfigError, match=r"cassettes\.usage_file: cannot write /no/such/folder/x: No such file"):
        async with proxy(tmp_path, "replay", usage_file="/no/such/folder/x"):
            pass
