"""A miss at a terminal: one block that says what was sent, what is recorded, and what to do."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import COMMAND, environment, fetch, wait_until
from tests.cli.processes import serving as serving_process
from tests.parts import ADDRESS, ScriptedUpstream, ask, echo, modify, proxy, serving

JSON_TYPE = {"Content-Type": "application/json"}
SENT = b'{"metadata":{"a":"sent-value"}}'


@pytest.fixture
async def cassettes(tmp_path: Path) -> Path:
    """Give a folder that holds one recorded call."""
    folder = tmp_path / "cassettes"
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(folder, "record", base_url) as recording:
        await ask(recording.url, modify({"a": "recorded-value"}))
    return tmp_path


def test_a_person_at_a_terminal_sees_the_whole_verdict(cassettes: Path) -> None:
    """Reason, nearest recording, both values, the command that records it, and nothing a terminal would obey."""
    master, terminal = pty.openpty()
    ready = cassettes / "ready.json"
    args = [COMMAND, "replay", "--port", "0", "--admin-port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(args, cwd=cassettes, env=environment(None), stderr=terminal, stdout=terminal)
    try:
        wait_until(ready.exists, "the proxy being ready")
        url = re.search(r'"url": "([^"]+)"', ready.read_text())
        assert url
        fetch(url[1] + ADDRESS, method="POST", headers=JSON_TYPE, body=SENT)
        seen = b""
        while b"To record it" not in seen:
            seen += os.read(master, 4096)
    finally:
        process.terminate()
        process.wait(20)
        os.close(terminal)
        os.close(master)
    text = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode())
    assert "miss" in text
    assert f"    No recorded answer for POST {ADDRESS}: cassette 'default' holds no such call.\r\n" in text
    assert 'body.metadata.a: you sent "sent-value", recorded "recorded-value"' in text


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_log_that_is_kept_holds_no_values(cassettes: Path, form: str) -> None:
    """In a file or a pipe, the fields tell the reason and the id under which `runproxy why` tells the rest."""
    with serving_process(cassettes, "replay", "--log-format", form) as server:
        fetch(server.url + ADDRESS, method="POST", headers=JSON_TYPE, body=SENT)
        server.wait_for_text("miss-1")
        server.stop()
        told = server.stderr()
    assert "no_match" in told
    assert "sent-value" not in told
    assert "recorded-value" not in told
