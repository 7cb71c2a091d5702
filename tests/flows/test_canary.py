"""Secrets put wherever a call has room for one, in all modes, are found in nothing that runproxy has written."""

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import KEY_VARIABLE
from tests.cli.processes import Server, fetch, run
from tests.cli.processes import serving as process
from tests.flows.canary_places import PLACES, RAW_PLACES, VALUE, Pairs, raw_calls
from tests.parts import ScriptedUpstream, ask, raw_exchange, serving

CREDENTIAL = 'cAnArY/9f2b+7c1d_"e5a8"~0b/of-a-process'
SECRETS = {"credential": CREDENTIAL, "token": "sk-canary-" + "9f2b7c1d" * 5, "value": VALUE}
ALWAYS: Pairs = (("Authorization", f"Bearer {CREDENTIAL}"),)
SETTINGS = """
[redact]
query = ["user"]
body = [{pointer = "/metadata/email", action = "hash"}]
"""
_IN_LOGS = "the log tells method and path of a call, and knows nothing of pointers into bodies"
_NO_PLACE = "a pointer means a place in JSON, and the body of this call has none that it means"
_NAMED = "whoever names a cassette names a file; only credentials and tokens are refused in names"
EXCUSED = {
    **dict.fromkeys(("path", "path, little escaped", "path outside the base", "path that climbs"), _IN_LOGS),
    "metadata, a name that is refused": "the log names the keys that the guard refuses",
    "metadata, a type that is refused": "the log names the keys that the guard refuses",
    **dict.fromkeys(("path of a GET", "JSON, a bare text", "multipart", "text", "form", "bytes"), _NO_PLACE),
    **dict.fromkeys(
        ("cassette name, header", "cassette name, escaped in the prefix", "cassette name that is none"), _NAMED
    ),
}
"""Places where the value of a body is not looked for, each with its reason; credentials and tokens are everywhere."""


def spellings(secret: str) -> Iterator[bytes]:
    """Spell a secret raw, URL-encoded, escaped for JSON, and in base64 at three offsets."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw + bytes(3))
        inner = encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        yield from (inner, inner.replace(b"+", b"-").replace(b"/", b"_"))


def findings(outputs: dict[str, bytes]) -> list[tuple[str, str]]:
    """Name each output that holds a secret, in any spelling, and the kind of secret."""
    return [
        (where, kind)
        for where, data in outputs.items()
        for kind, secret in SECRETS.items()
        if any(form in data for form in spellings(secret))
    ]


def calls() -> list[tuple[Request, Response]]:
    """Put each secret into each place."""
    made: list[tuple[Request, Response]] = []
    for kind, secret in SECRETS.items():
        for place, make in PLACES.items():
            if kind != "value" or place not in EXCUSED:
                made.append(make(secret).messages(len(made), (*ALWAYS, ("X-Canary", str(len(made))))))
    return made


@asynccontextmanager
async def _upstream(scripted: list[tuple[Request, Response]]) -> AsyncIterator[str]:
    def answer(request: Request) -> Response:
        number = request.headers.get("X-Canary")
        return scripted[int(number)][1] if number else Response(200, make_headers(), request.body)

    async with serving(ScriptedUpstream(make=answer)) as base_url:
        yield base_url


async def _all_calls(server: Server, scripted: list[tuple[Request, Response]]) -> Counter[str]:
    got = await ask(server.url, *(request for request, _ in scripted))
    for secret in (CREDENTIAL, SECRETS["token"]):
        for sent in raw_calls(secret, CREDENTIAL):
            await raw_exchange(server.url, sent)
    return Counter(response.headers["x-runproxy-outcome"] for response in got)


def _told(server: Server) -> dict[str, bytes]:
    """Give what a running server tells but to those who call it."""
    pages = {
        page: fetch(f"{server.admin_url}{page}", method="POST" if page == "/api/reload" else "GET").body
        for page in ("/healthz", "/readyz", "/api/status", "/api/reload", "/api/drift", "/api/hits", "/api/misses")
    }
    return {**pages, "ready file": server.ready_file.read_bytes()}


def _tear(folder: Path) -> None:
    """Cut the last write of a cassette off, so that the next one keeps the torn bytes beside it."""
    path = folder / "default.json"
    path.write_bytes(path.read_bytes()[:-10_000])


def _files(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes()
        for path in folder.rglob(pattern)
        if path.is_file()
    }


def _shown(folder: Path) -> dict[str, bytes]:
    listed = run(folder, "cassette", "list")
    shown = run(folder, "cassette", "show", "default")
    assert (listed.returncode, shown.returncode) == (0, 0)
    return {"cassette list": (listed.stdout + listed.stderr).encode(), "cassette show": shown.stdout.encode()}


def test_the_search_finds_what_there_is_to_find() -> None:
    """A test that finds nothing must be able to find something: every secret, in every spelling."""
    for kind, secret in SECRETS.items():
        for form in spellings(secret):
            assert findings({"control": b"before " + form + b" after"}) == [("control", kind)]
    behind = {str(n): base64.b64encode(b"." * n + CREDENTIAL.encode() + b"..") for n in range(3)}
    assert len(findings(behind)) == 3


@pytest.mark.parametrize("form", ["console", "json"])
async def test_no_secret_is_in_anything_that_is_written(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in cassettes, their names, torn bytes, logs, the ready file, or what the admin listener tells."""
    (tmp_path / "runproxy.toml").write_text(SETTINGS, encoding="utf-8")
    scripted, outcomes = calls(), dict[str, Counter[str]]()
    outputs: dict[str, bytes] = {}
    async with _upstream(scripted) as base_url:
        for mode in ("record", "auto", "passthrough", "replay", "verify"):
            logs = ("--log-format", form, "--log-level", "debug", "--usage-file", f"{mode}.usage")
            args = ("serve", "--mode", mode, "--upstream", base_url, *logs)
            with process(tmp_path, *args, env={KEY_VARIABLE: "a-secret-of-the-canary"}) as server:
                outcomes[mode] = await _all_calls(server, scripted)
                outputs |= {f"{mode}: {where}": data for where, data in _told(server).items()}
                server.stop()
                outputs[f"{mode}: stdout and stderr"] = server.stderr().encode()
            if mode == "record":
                _tear(tmp_path / "cassettes")
    outputs |= _files(tmp_path, "*.usage") | _files(tmp_path / "cassettes") | _shown(tmp_path)
    # A replaying process does not know the credentials of other calls, and inside base64 a token has no shape.
    in_base64 = base64.b64encode(f"x{SECRETS['token']}y".encode())
    outputs["replay: /api/misses"] = outputs["replay: /api/misses"].replace(in_base64, b"")
    found = findings(outputs)
    with capsys.disabled():
        places = len(PLACES) + len(RAW_PLACES)
        print(f"\n{places} places, {len(scripted)} calls per mode, {len(outputs)} outputs, {len(found)} findings")
    assert found == []
    assert any(name.endswith(".torn") for name in outputs)
    assert all(len(data) > 0 for data in outputs.values())
    for mode, outcome in (
        ("record", "recorded"),
        ("auto", "replayed"),
        ("passthrough", "forwarded"),
        ("verify", "verified"),
    ):
        assert outcomes[mode][outcome] > 50, outcomes
    assert min(outcomes["record"]["unrecorded"], outcomes["replay"]["replayed"], outcomes["replay"]["miss"]) > 50
