"""The name of a cassette becomes that of a file, so it may hold no secret."""

import json
from pathlib import Path

import pytest

from runproxy.messages import Request, make_headers
from tests.parts import CREDENTIAL, HEADERS, ScriptedUpstream, ask, echo, modify, proxy, serving

OWN = "a-credential-of-this-call"
OTHERS = "a-credential-of-another-call"


def named(name: str, credential: str) -> Request:
    """Make a call that names a cassette."""
    headers = [pair for pair in HEADERS if pair[0] != "Authorization"]
    headers += [("Authorization", f"Bearer {credential}"), ("X-Runproxy-Cassette", name)]
    return Request("POST", "/v1/threads", make_headers(headers), b"{}")


def files(folder: Path) -> list[str]:
    """Name the cassettes of a folder."""
    return sorted(path.name for path in folder.rglob("*.json"))


@pytest.mark.parametrize("mode", ["record", "auto", "passthrough"])
@pytest.mark.parametrize("name", [OWN, f"team/{OWN}.1", CREDENTIAL], ids=["own", "inside", "shaped"])
async def test_a_name_with_a_secret_is_refused(tmp_path: Path, mode: str, name: str) -> None:
    """Before anything is forwarded or made; the refusal does not repeat it, and no list of cassettes shows it."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url) as running:
        (got,) = await ask(running.url, named(name, OWN))
        in_use = running.deck.names
    assert (got.status, json.loads(got.body)["error"]["code"]) == (400, "invalid_cassette_name")
    assert name not in got.body.decode()
    assert upstream.seen == []
    assert name not in in_use
    assert files(tmp_path) == []


async def test_so_is_one_with_the_secret_of_an_earlier_call(tmp_path: Path) -> None:
    """The gate of the process has seen it."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(tmp_path, "record", base_url) as running:
        got = await ask(running.url, named("fine", OTHERS), named(OTHERS, OWN), modify())
    assert [response.status for response in got] == [200, 400, 200]
    assert files(tmp_path) == ["default.json", "fine.json"]
