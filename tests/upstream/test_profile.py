"""How calls are prepared for an upstream: the API version, and a credential in place of the client's."""

import base64
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.errors import ConfigError, UpstreamError
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import WriteGate
from runproxy.upstream.credential import Credential, variable
from runproxy.upstream.profile import Prepared, with_api_version
from tests.parts import ScriptedUpstream, modify

OURS = "team-key/0123456789+abc=="
THEIRS = "client-key-9876543210"
VERSION = "2024-08-01-preview"


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        pytest.param("/a/b", f"/a/b?api-version={VERSION}", id="no-query"),
        pytest.param("/a/b?", f"/a/b?api-version={VERSION}", id="empty-query"),
        pytest.param("/a?x=1%20", f"/a?x=1%20&api-version={VERSION}", id="beside-others"),
        pytest.param("/a?api-version=v1", "/a?api-version=v1", id="of-the-client"),
        pytest.param("/a?x=1&Api-Version=v1", "/a?x=1&Api-Version=v1", id="in-other-case"),
        pytest.param("/a?api%2Dversion=v1", "/a?api%2Dversion=v1", id="encoded"),
        pytest.param("/a?api-version", "/a?api-version", id="without-a-value"),
        pytest.param("/a?x-api-version=v1", f"/a?x-api-version=v1&api-version={VERSION}", id="another-name"),
    ],
)
def test_an_api_version_is_added_where_the_client_names_none(target: str, forwarded: str) -> None:
    """What the client says counts, and its query stays as it is to the byte."""
    assert with_api_version(modify({}, target), VERSION).target == forwarded
    assert with_api_version(modify({}, target), "").target == target


@pytest.mark.parametrize(
    ("header", "value", "sent"),
    [
        pytest.param("Authorization", "token-0123456789", "Bearer token-0123456789", id="token"),
        pytest.param("Authorization", "Basic dXNlcjpwYXNzd29yZA==", "Basic dXNlcjpwYXNzd29yZA==", id="with-a-scheme"),
        pytest.param("api-key", "token-0123456789", "token-0123456789", id="api-key"),
    ],
)
def test_a_credential_stands_as_its_header_wants_it(header: str, value: str, sent: str) -> None:
    """A bearer token in Authorization unless the value names another scheme; in any other header the value itself."""
    assert Credential(header, value).headers[header] == sent


@pytest.mark.parametrize(
    ("headers", "query", "left"),
    [
        pytest.param([("Authorization", f"Bearer {THEIRS}")], "", "", id="authorization"),
        pytest.param([("api-key", THEIRS), ("X-API-Key", THEIRS)], "", "", id="api-keys"),
        pytest.param([("api_key", THEIRS), ("Cookie", f"session={THEIRS}")], "", "", id="underscore-and-cookie"),
        pytest.param([("Ocp-Apim-Subscription-Key", THEIRS)], "", "", id="gateway"),
        pytest.param([], f"api-key={THEIRS}", "", id="query-alone"),
        pytest.param([], f"limit=2&api-key={THEIRS}&order=asc", "limit=2&order=asc", id="query-among-others"),
        pytest.param([], f"code={THEIRS};a=%20b", "a=%20b", id="query-first"),
        pytest.param([], f"%61pi-key={THEIRS}", "", id="query-encoded"),
        pytest.param([], "limit=2&page_token=abc", "limit=2&page_token=abc", id="nothing-secret"),
    ],
)
def test_no_credential_of_a_client_is_forwarded(headers: list[tuple[str, str]], query: str, left: str) -> None:
    """Wherever the client's stands, only runproxy's own goes on; all else stays, but for asking for compression."""
    more = [("Accept", "*/*"), ("OpenAI-Organization", "org-1"), ("Accept-Encoding", "gzip")]
    target = f"/v1/x?{query}" if query else "/v1/x"
    sent = Credential("api-key", OURS).put_on(modify({}, target, headers=[*headers, *more]))
    assert sent.headers == make_headers([*more[:2], ("api-key", OURS)])
    assert (sent.path, sent.query) == ("/v1/x", left)
    assert THEIRS not in f"{sent.target} {list(sent.headers.items())}"


@given(st.text(alphabet="abk&;=%1-", max_size=30))
def test_a_query_without_secrets_stays_as_it_is(query: str) -> None:
    """To the byte, however odd."""
    target = f"/v1/x?{query}"
    assert Credential("api-key", OURS).put_on(Request("GET", target, make_headers())).target == target


def forms() -> dict[str, bytes]:
    """Spell the credential as an answer could repeat it."""
    return {
        "raw": OURS.encode(),
        "url": quote(OURS, safe="").encode(),
        "json": b'{"key": "' + OURS.replace("/", "\\/").encode() + b'"}',
        "base64": base64.b64encode(b"." + OURS.encode() + b"..."),
        "escaped": "".join(f"\\u{ord(char):04x}" for char in OURS).encode(),
    }


@pytest.mark.parametrize("form", forms())
@pytest.mark.parametrize("header", ["api-key", "Authorization"])
async def test_an_answer_that_repeats_the_credential_is_withheld(header: str, form: str) -> None:
    """In the body or in a header, in any form: whoever may use the credential through runproxy may still not see it."""
    for response in (
        Response(401, make_headers(), b"Incorrect key: " + forms()[form]),
        Response(401, make_headers([("WWW-Authenticate", forms()[form].decode())])),
    ):
        prepared = Prepared(ScriptedUpstream(response), "", Credential(header, OURS))
        with pytest.raises(UpstreamError) as caught:
            await prepared.send(modify({}))
        assert caught.value.code == "upstream_repeats_credential"
        assert caught.value.headers == {"x-should-retry": "false"}
        assert OURS not in caught.value.message


class Pieces:
    """A stream of pieces that knows whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.is_closed = False

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self.is_closed = True


async def _read(stream: AsyncIterator[bytes], into: list[bytes]) -> None:
    async for piece in stream:
        into.append(piece)  # noqa: PERF401 - what came before the stream broke off is kept


async def test_a_stream_that_repeats_the_credential_breaks_off() -> None:
    """Also where it stands across two pieces; the piece in which it ends is not passed on."""
    half = len(OURS) // 2
    pieces = Pieces(b"data: 1\n\n", OURS[:half].encode(), OURS[half:].encode(), b"data: 2\n\n")
    prepared = Prepared(ScriptedUpstream(Response(200, make_headers(), stream=pieces)), "", Credential("api-key", OURS))
    got, passed = await prepared.send(modify({})), list[bytes]()
    assert got.stream is not None
    with pytest.raises(UpstreamError, match="repeats the credential"):
        await _read(got.stream, passed)
    assert passed == [b"data: 1\n\n", OURS[:half].encode()]
    await got.stream.aclose()
    assert pieces.is_closed


async def test_a_stream_whose_head_repeats_the_credential_is_closed() -> None:
    """Its connection is not left open."""
    pieces = Pieces(b"data: 1\n\n")
    response = Response(200, make_headers([("X-Echo", OURS)]), stream=pieces)
    with pytest.raises(UpstreamError):
        await Prepared(ScriptedUpstream(response), "", Credential("api-key", OURS)).send(modify({}))
    assert pieces.is_closed


async def test_any_other_stream_passes_piece_by_piece() -> None:
    """Nothing is held back or joined."""
    sent = [b"data: 1\n\n", OURS[:-1].encode(), b"\n\ndata: 2\n\n"]
    prepared = Prepared(
        ScriptedUpstream(Response(200, make_headers(), stream=Pieces(*sent))), "", Credential("api-key", OURS)
    )
    got, passed = await prepared.send(modify({})), list[bytes]()
    assert got.stream is not None
    await _read(got.stream, passed)
    assert passed == sent


async def test_cookies_of_the_credential_are_not_handed_to_clients() -> None:
    """A session that was opened with the team's credential is nobody's but runproxy's."""
    response = Response(200, make_headers([("Set-Cookie", "a=b"), ("X-A", "1"), ("Set-Cookie", "c=d")]), b"{}")
    got = await Prepared(ScriptedUpstream(response), "", Credential("api-key", OURS)).send(modify({}))
    assert (got.headers, got.body) == (make_headers([("X-A", "1")]), b"{}")


async def test_without_a_credential_of_its_own_the_clients_passes() -> None:
    """And so do the answer's cookies."""
    response = Response(200, make_headers([("Set-Cookie", "a=b")]), b"{}")
    upstream = ScriptedUpstream(response)
    request = modify({}, headers=[("api-key", THEIRS)])
    assert await Prepared(upstream, "v1", None).send(request) == response
    assert upstream.seen[0].headers == request.headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, "is not set, or empty", id="unset"),
        pytest.param("  ", "is not set, or empty", id="blank"),
        pytest.param("k-12345", "too short to be kept out of recordings", id="short"),
        pytest.param("two\nlines-of-it", "cannot stand in a header", id="lines"),
        pytest.param("schlüssel-0123", "cannot stand in a header", id="not-ascii"),
    ],
)
def test_a_variable_that_holds_no_credential_is_told(
    monkeypatch: pytest.MonkeyPatch, value: str | None, expected: str
) -> None:
    """By the place in the settings and the name of the variable, and never by its value."""
    monkeypatch.delenv("TEAM_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TEAM_KEY", value)
    with pytest.raises(ConfigError) as caught:
        variable("TEAM_KEY", "upstreams.azure.credential_env")
    assert caught.value.message.startswith("upstreams.azure.credential_env: the ")
    assert "TEAM_KEY" in caught.value.message
    assert expected in caught.value.message
    assert not value or value.strip() == "" or value not in caught.value.message


def test_the_gate_never_forgets_a_credential_of_runproxys_own() -> None:
    """However many credentials clients send, it stays among what is searched for."""
    gate, credential = WriteGate(), Credential("Authorization", OURS)
    gate.keep(credential.headers)
    for number in range(3000):
        gate.remember([f"client-credential-{number:06}"])
    assert not gate.lets_pass(f"it is {OURS}")
    assert gate.lets_pass("client-credential-000000")
    assert OURS not in f"{credential!r} {gate!r}"
