"""`/readyz`: whether calls can be answered as the mode promises, and why not."""

import json
from pathlib import Path

import pytest

from runproxy.messages import Request, make_headers
from tests.parts import ScriptedUpstream, ask, echo, proxy, serving


async def readiness(admin_url: str) -> tuple[int, str]:
    """Ask once, and give the status and the reason."""
    (answer,) = await ask(admin_url, Request("GET", "/readyz", make_headers()))
    return answer.status, json.loads(answer.body).get("reason", "")


async def test_a_replay_of_a_good_cassette_is_ready(tmp_path: Path) -> None:
    """Where the cassette can be read, there is nothing to say."""
    (tmp_path / "mine.json").write_text('{"format": "runproxy/1", "interactions": []}')
    async with proxy(tmp_path, "replay", default="mine") as on:
        assert await readiness(on.admin_url) == (200, "")


async def test_a_cassette_that_was_broken_meanwhile_is_told(tmp_path: Path) -> None:
    """A cassette that no longer parses makes the proxy unready, with the file and the place."""
    (tmp_path / "mine.json").write_text('{"format": "runproxy/1", "interactions": []}')
    async with proxy(tmp_path, "replay", default="mine") as on:
        (tmp_path / "mine.json").write_text('{"format": "runproxy/1", "interactions": [x]}')
        status, reason = await readiness(on.admin_url)
    assert status == 503
    assert "mine.json" in reason


@pytest.mark.parametrize("mode", ["record", "auto"])
async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, mode: str) -> None:
    """Recording needs a folder that takes files; where one has become a file, the proxy is unready."""
    folder = tmp_path / "cassettes"
    folder.mkdir()
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(folder, mode, base_url) as on:
        folder.rmdir()
        folder.write_text("")
        status, reason = await readiness(on.admin_url)
    assert status == 503
    assert "cassettes" in reason
