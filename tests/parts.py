"""Building blocks of tests: requests, a scripted upstream, a proxy on free ports, a raw connection."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from runproxy.composition import Proxy, running_proxy
from runproxy.config import make_settings
from runproxy.messages import Request, Response, make_headers
from runproxy.server import Edge, HostPort, low_level

Report = Callable[[str, Mapping[str, int]], None]
"""What a test gives its figures to; see the fixture of the same name."""

ADDRESS = "/v1/threads/thread_abc123/runs/run_abc123"
CREDENTIAL = "sk-test-credential-0123456789abcdef"
HEADERS = (
    ("Content-Type", "application/json"),
    ("Authorization", f"Bearer {CREDENTIAL}"),
    ("OpenAI-Beta", "assistants=v2"),
)
_OWN_ID = re.compile("req_[0-9a-f]{8}_[0-9a-f]+")  # what runproxy names a call whose answer brings no id
JSON_HEADERS = make_headers([("Content-Type", "application/json")])


def modify(
    metadata: object = None, target: str = ADDRESS, *, headers: Sequence[tuple[str, str]] = HEADERS, **more: object
) -> Request:
    """Make a modify-run with this metadata."""
    body = json.dumps({"metadata": metadata, **more}).encode()
    return Request("POST", target, make_headers(headers), body)


def answer(value: object, status: int = 200) -> Response:
    """Make a JSON answer as the service prints it."""
    return Response(status, JSON_HEADERS, json.dumps(value, indent=2).encode())


class ScriptedUpstream:
    """Answers call after call from a list, or with what a function makes; keeps what it was sent."""

    def __init__(
        self, *answers: Response, make: Callable[[Request], Response | Awaitable[Response]] | None = None
    ) -> None:
        self._answers = list(answers)
        self._make = make
        self.seen: list[Request] = []

    async def send(self, request: Request) -> Response:
        """Answer one call."""
        self.seen.append(request)
        if self._make is None:
            return self._answers.pop(0)
        made = self._make(request)
        return made if isinstance(made, Response) else await made


def echo(request: Request) -> Response:
    """Answer with a run that carries the metadata that was sent."""
    sent = json.loads(request.body or b"{}")
    return answer({"id": "run_abc123", "object": "thread.run", "metadata": sent.get("metadata")})


@asynccontextmanager
async def serving(upstream: ScriptedUpstream) -> AsyncIterator[str]:
    """Serve a scripted upstream over HTTP and give its base URL."""
    edge = Edge(upstream.send, max_body_bytes=64 * 1024 * 1024, body_s=20)
    async with low_level(edge, HostPort("127.0.0.1", 0, "--port"), drain_s=1, idle_s=20) as listener:
        yield f"{listener.url}/v1"


@asynccontextmanager
async def proxy(
    folder: Path, mode: str, upstream: str = "", *, rules: Mapping[str, Any] | None = None, **cassettes: Any
) -> AsyncIterator[Proxy]:
    """Run a proxy on free ports; `cassettes` are settings of that section, `limits` may be among them.

    `rules` are settings of other sections, such as guard, routes, policy and attribution. Nothing is audited unless
    they say so.
    """
    limits = cassettes.pop("limits", {})
    values = {
        "mode": mode,
        "upstream": upstream,
        "allow_record_in_ci": True,
        "listen": {"port": 0, "admin_port": 0},
        "cassettes": {"dir": str(folder), **cassettes},
        "limits": limits,
        "audit": {"modes": []},
        **(rules or {}),
    }
    async with running_proxy(make_settings(values, "test")) as running:
        yield running


async def ask(url: str, *requests: Request) -> list[Response]:
    """Send requests as they are, one after the other, and give the answers as they came."""
    async with aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        timeout=aiohttp.ClientTimeout(total=20),
    ) as session:
        return [await _exchange(session, url, request) for request in requests]


async def _exchange(session: aiohttp.ClientSession, url: str, request: Request) -> Response:
    target = URL(url + request.target, encoded=True)
    async with session.request(
        request.method, target, headers=request.headers, data=request.body or None, allow_redirects=False
    ) as answered:
        return Response(answered.status, answered.headers, await answered.read())


async def raw_exchange(url: str, sent: bytes, answers: int = 1) -> bytes:
    """Send bytes over a fresh connection, and read so many answers, or fewer when the connection is closed."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            received = [await _read_answer(reader, has_body=not sent.startswith(b"HEAD")) for _ in range(answers)]
        return b"".join(received)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader, *, has_body: bool) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as closed:
        return closed.partial
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length and has_body else b"")


def stored(response: Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Reduce an answer to what a replay must give back: status, body, and headers but those of the moment."""
    passing = {"content-length", "date", "x-runproxy-outcome", "x-runproxy-interaction"}
    headers = ((name.lower(), value) for name, value in response.headers.items() if name.lower() not in passing)
    kept = (pair for pair in headers if not (pair[0] == "x-request-id" and _OWN_ID.fullmatch(pair[1])))
    return response.status, response.body, sorted(kept)
