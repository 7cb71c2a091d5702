"""Cassettes for tests of exports: any text, bytes, or nothing in the bodies, and addresses of all kinds."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from runproxy.cassettes import Interaction
from runproxy.messages import BODILESS, Request, Response, make_headers

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
MADE = datetime(2024, 11, 4, 10, 11, 12, 345_000, tzinfo=UTC)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=3)
BODIES = (
    st.just(b"") | st.binary(max_size=60) | TEXT.map(str.encode) | JSON.map(lambda value: json.dumps(value).encode())
)
PATHS = st.sampled_from(
    [
        "/v1/threads/t/runs/r",
        "/v1/files/a%2Fb",
        "/v1/x;y=[1]{2}",
        "/v1/it's/$HOME/`id`",
        "//v1/%C3%BC",
        "/v1/a/../b",
        "/",
    ]
)
QUERIES = st.sampled_from(["", "?order=asc", "?a[]=1&a[]=2&b", "?key=REDACTED", "?q='\"$(id)&{x,y}"])
HEADER_SETS = st.lists(
    st.sampled_from(
        [("content-type", "application/json"), ("openai-beta", "assistants=v2"), ("content-type", "a/b; c=d")]
    ),
    unique_by=lambda pair: pair[0],
    max_size=2,
)


def _response(status: int, headers: list[tuple[str, str]], body: bytes) -> Response:
    kept = [pair for pair in headers if pair[0] == "content-type"]
    return Response(status, make_headers(kept), b"" if status in BODILESS else body)


REQUESTS = st.builds(
    lambda method, path, query, headers, body: Request(method, path + query, make_headers(headers), body),
    st.sampled_from(["GET", "POST", "DELETE", "PATCH"]),
    PATHS,
    QUERIES,
    HEADER_SETS,
    BODIES,
)
INTERACTIONS = st.builds(
    lambda request, response, ms, elapsed: Interaction(request, response, MADE + timedelta(milliseconds=ms), elapsed),
    REQUESTS,
    st.builds(_response, st.sampled_from([200, 201, 204, 302, 304, 400, 429, 500, 599]), HEADER_SETS, BODIES),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
)


def made(
    body: bytes = b"",
    answer: bytes = b"",
    *,
    target: str = "/v1/x",
    method: str = "POST",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Interaction:
    """Make one interaction; `headers` are the answer's."""
    response = Response(status, make_headers((headers or {}).items()), answer)
    return Interaction(Request(method, target, make_headers(), body), response, MADE, 7)
