"""Exported curl commands: run in a shell, they send the very requests that were recorded."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings

from runproxy.cassettes import Interaction
from runproxy.exchange.curl import write_curl
from runproxy.messages import Request, Response, make_headers
from tests.exchange.cassettes import INTERACTIONS, made
from tests.parts import ScriptedUpstream, serving

KEY = "made-up-key-0123456789"
SHELLS = [pytest.param(name, id=name) for name in ("sh", "bash")]


def command(*interactions: Interaction, base_url: str = "http://h.test") -> str:
    """Export interactions as curl commands."""
    return write_curl(dict(enumerate(interactions)), base_url).decode()


async def ran(script: str, shell: str = "sh") -> None:
    """Run commands in a shell, with a key in the environment."""
    if not shutil.which("curl") or not shutil.which(shell):
        pytest.skip(f"there is no curl or no {shell}")
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": KEY, "HOME": "/nowhere"}
    process = await asyncio.create_subprocess_exec(
        shell, "-eu", "-s", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    _, told = await asyncio.wait_for(process.communicate(script.encode()), 30)
    assert process.returncode == 0, told


async def received(*interactions: Interaction, shell: str = "sh") -> list[Request]:
    """Run the commands for interactions against a local server, and give what it received."""
    upstream = ScriptedUpstream(make=lambda request: Response(200, make_headers(), b""))
    async with serving(upstream) as base:
        await ran(command(*interactions, base_url=base.removesuffix("/v1")), shell)
    return upstream.seen


def test_a_modify_run() -> None:
    """The command is readable, takes the key from the environment, and quotes what a shell would touch."""
    request = Request(
        "POST", "/v1/x?a=1&b=it's", make_headers([("content-type", "application/json")]), b'{"a": "$HOME"}'
    )
    held = Interaction(request, Response(201, make_headers()), made().recorded_at, 0)
    assert command(held, base_url="https://h.test/v1") == (
        "# [0] POST /v1/x?a=1&b=it's -> 201\n"
        """curl -X POST 'https://h.test/v1/x?a=1&b=it'"'"'s' \\\n"""
        "  -H 'content-type: application/json' \\\n"
        '  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
        """  --data-binary '{"a": "$HOME"}'\n"""
    )


BODIES: Mapping[str, bytes] = {
    "none": b"",
    "text": b"plain",
    "quotes": b'it\'s "quoted" \\ $HOME `id` $(id) !! %s',
    "lines": b"\n one\n\ttwo\n\n",
    "unicode": "é 漢 🎉".encode(),
    "at": b"@/etc/hostname",
    "dash": b"--next",
    "carriage-return": b"a\r\nb",
    "escape": b"\x1b[31mred",
    "nul": b"a\0b",
    "binary": bytes(range(256)) * 3,
    "no-break-space": b"\xc2\xa0",
    "large": b"x" * 300_000,
    "large-binary": bytes(range(256)) * 1000,
    "end": b"END\n",
}


@pytest.mark.parametrize("shell", SHELLS)
async def test_every_body_arrives_as_it_was(shell: str) -> None:
    """Text, quotes, line breaks, file names, binary and large bodies are received byte for byte, with the key."""
    seen = await received(*(made(body) for body in BODIES.values()), shell=shell)
    assert dict(zip(BODIES, (request.body for request in seen), strict=True)) == BODIES
    assert {request.headers["Authorization"] for request in seen} == {f"Bearer {KEY}"}
    assert not any("Content-Type" in request.headers for request in seen)


TARGETS = [
    "/v1/x?a[]=1&b={c,d}",
    "/v1/a/../b/./c",
    "/v1/a%2Fb%20c",
    "/v1/it's;id/$HOME/`id`",
    "//v1//x",
    "/v1/x?q='\"$(id)|&<>*~!",
    "/v1/-x",
    "/v1/%c3%A9",
]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def test_every_address_arrives_as_it_was() -> None:
    """Methods and raw targets are received as they were recorded, whatever curl or a shell would make of them."""
    expected = list(product(METHODS, TARGETS))
    seen = await received(*(made(method=method, target=target) for method, target in expected))
    assert [(request.method, request.target) for request in seen] == expected


async def test_a_head_request_ends() -> None:
    """curl does not wait for a body that never comes."""
    (request,) = await received(made(method="HEAD"))
    assert request.method == "HEAD"


HEADERS = [
    ("content-type", "a/b"),
    ("x-quoted", 'it\'s $HOME "x"'),
    ("x-empty", ""),
    ("x-twice", "1"),
    ("x-twice", "2"),
]


def with_headers(*headers: tuple[str, str]) -> Interaction:
    """Make an interaction whose request has these headers."""
    return Interaction(
        Request("POST", "/v1/x", make_headers(headers), b"x"), Response(200, make_headers()), made().recorded_at, 0
    )


async def test_headers_arrive_as_they_were() -> None:
    """Quotes, empty values and repeated names are kept, and those that curl sets itself are left to it."""
    (request,) = await received(
        with_headers(*HEADERS, ("Content-Length", "9"), ("host", "other"), ("authorization", "Bearer other"))
    )
    received_ = [(name.lower(), value) for name, value in request.headers.items()]
    assert [pair for pair in received_ if pair[0] in dict(HEADERS)] == HEADERS
    assert request.headers.getall("Authorization") == [f"Bearer {KEY}"]
    assert request.headers.getall("Content-Length") == ["1"]
    assert "other" not in request.headers.getall("Host")


@pytest.mark.parametrize(
    ("held", "told"),
    [
        pytest.param(made(target="/v1/x?sig=REDACTED"), "a secret in the query was not recorded", id="redacted"),
        pytest.param(with_headers(("x-a", "\x1b[31m")), "left out for their control characters: x-a", id="control"),
    ],
)
def test_what_the_command_cannot_say_is_told(held: Interaction, told: str) -> None:
    """A comment above the command says what is missing in it."""
    assert any(line.startswith(f"# {told}") for line in command(held).splitlines())


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(made(target="/v1/\x1b[31m\x07"), id="target"),
        pytest.param(with_headers(("x-a", "\x1b[31m\x9b")), id="header"),
        pytest.param(made(b"\x1b[31m"), id="body"),
        pytest.param(made("\x9b31m".encode()), id="body-of-two-bytes"),
    ],
)
def test_nothing_in_a_command_is_obeyed_by_a_terminal(held: Interaction) -> None:
    """Control characters are encoded or left out."""
    assert all(char.isprintable() or char == "\n" for char in command(held))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(INTERACTIONS, INTERACTIONS)
def test_any_request_arrives_as_it_was(one: Interaction, other: Interaction) -> None:
    """Whatever a cassette holds, the commands send it."""
    seen = asyncio.run(received(one, other))
    expected = [(held.request.method, held.request.target, held.request.body) for held in (one, other)]
    assert [(request.method, request.target, request.body) for request in seen] == expected
