"""The guard: a table of what passes, and of what is refused with which status, code and param."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.errors import BodyTooLarge, MalformedJson, MediaTypeRefused, MethodRefused, Refusal, RulesChanged
from runproxy.guard import Guard, Judge, MetadataRefused
from runproxy.messages import Request, make_headers
from runproxy.routes import KNOWN, MODIFY_RUN, Route, RouteTable
from runproxy.violations import Judgement, Violation

GUARD = Guard(RouteTable((MODIFY_RUN,)), Judge())
PATH = "/v1/threads/t/runs/r"
JSON = ("Content-Type", "application/json")
OVERLONG = {"metadata": 5}


def post(body: bytes = b"{}", *headers: tuple[str, str], target: str = PATH) -> Request:
    """Make a call of the guarded route that is sent as JSON, with headers more."""
    return Request("POST", target, make_headers([JSON, *headers]), body)


def post_as(*headers: tuple[str, str]) -> Request:
    """Make a call of the guarded route with just these headers."""
    return Request("POST", PATH, make_headers(headers), b"{}")


def dumped(value: object) -> bytes:
    """Print JSON as SDKs send it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def refusal(request: Request, guard: Guard = GUARD) -> Refusal:
    """Give the refusal that a call meets."""
    with pytest.raises(Refusal) as caught:
        guard.admit(request)
    return caught.value


def in_metadata(value: object) -> bytes:
    """Print a body with one pair."""
    return dumped({"metadata": {"k": value}})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="empty object"),
        pytest.param(b'{"metadata":null}', id="metadata null"),
        pytest.param(b'{"metadata":{}}', id="metadata empty"),
        pytest.param(in_metadata(""), id="empty value"),
        pytest.param(b'{"metadata":{"":""}}', id="empty key"),
        pytest.param(dumped({"metadata": {f"k{n}": "v" for n in range(16)}}), id="16 pairs"),
        pytest.param(dumped({"metadata": {"k" * 64: "v"}}), id="key of 64"),
        pytest.param(in_metadata("v" * 512), id="value of 512"),
        pytest.param(in_metadata("\U0001f600" * 512), id="value of 512 emojis"),
        pytest.param(b'{"metadata":{"__proto__":"a","constructor":"b"}}', id="names of JavaScript"),
    ],
)
def test_a_canonical_call_within_the_limits_passes_as_it_is(body: bytes) -> None:
    """What is already canonical is handed on as the very same request."""
    request = post(body)
    assert GUARD.admit(request).request is request


@pytest.mark.parametrize(
    ("body", "forwarded"),
    [
        pytest.param(b' { "metadata" : { } } \r\n', b'{"metadata":{}}', id="white space"),
        pytest.param(b'{"\\u006detadata":{"a":"\\u00e9"}}', '{"metadata":{"a":"é"}}'.encode(), id="escapes"),
        pytest.param(b'{"metadata":{"b":"1","a":"2"} }', b'{"metadata":{"b":"1","a":"2"}}', id="order stays"),
    ],
)
def test_what_is_forwarded_is_the_canonical_body(body: bytes, forwarded: bytes) -> None:
    """The upstream gets what the guard has read; method, target and headers stay."""
    request = post(body, ("OpenAI-Beta", "assistants=v2"), target=f"{PATH}?api-version=v1")
    admitted = GUARD.admit(request).request
    assert admitted.body == forwarded
    assert (admitted.method, admitted.target, admitted.headers) == (request.method, request.target, request.headers)


TOO_LONG = "Expected a string with maximum length"


@pytest.mark.parametrize(
    ("body", "code", "param", "message"),
    [
        pytest.param(
            dumped({"metadata": {f"k{n}": "v" for n in range(17)}}),
            "object_above_max_properties",
            "metadata",
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
            "but got an object with 17 properties instead.",
            id="17 pairs",
        ),
        pytest.param(
            dumped({"metadata": {"k" * 65: "v"}}),
            "property_name_above_max_length",
            f"metadata.{'k' * 65}",
            f"Invalid property name in 'metadata': 'kkk...kkk' is too long. {TOO_LONG} 64, "
            "but got a string with length 65 instead.",
            id="key of 65",
        ),
        pytest.param(
            in_metadata("v" * 513),
            "string_above_max_length",
            "metadata.k",
            f"Invalid 'metadata.k': string too long. {TOO_LONG} 512, but got a string with length 513 instead.",
            id="value of 513",
        ),
        pytest.param(
            in_metadata("\U0001f600" * 513),
            "string_above_max_length",
            "metadata.k",
            f"Invalid 'metadata.k': string too long. {TOO_LONG} 512, but got a string with length 513 instead.",
            id="value of 513 emojis",
        ),
        pytest.param(
            in_metadata("e\u0301" * 300),
            "string_above_max_length",
            "metadata.k",
            f"Invalid 'metadata.k': string too long. {TOO_LONG} 512, but got a string with length 600 instead.",
            id="value that would compose",
        ),
        pytest.param(
            in_metadata(1),
            "invalid_type",
            "metadata.k",
            "Invalid type for 'metadata.k': expected a string, but got an integer instead.",
            id="integer",
        ),
        pytest.param(
            in_metadata(1.5),
            "invalid_type",
            "metadata.k",
            "Invalid type for 'metadata.k': expected a string, but got a decimal number instead.",
            id="decimal number",
        ),
        pytest.param(
            in_metadata(None),
            "invalid_type",
            "metadata.k",
            "Invalid type for 'metadata.k': expected a string, but got null instead.",
            id="null",
        ),
        pytest.param(
            b'{"metadata":"x"}',
            "invalid_type",
            "metadata",
            "Invalid type for 'metadata': expected a metadata object, but got a string instead.",
            id="metadata is a string",
        ),
        pytest.param(
            b'{"metadata":[]}',
            "invalid_type",
            "metadata",
            "Invalid type for 'metadata': expected a metadata object, but got an array instead.",
            id="metadata is an array",
        ),
        pytest.param(b'{"Metadata":{}}', "unknown_parameter", "Metadata", "Unknown parameter: 'Metadata'.", id="case"),
        pytest.param(
            b'{"metadata ":{}}', "unknown_parameter", "metadata ", "Unknown parameter: 'metadata '.", id="space"
        ),
        pytest.param(
            b'{"metadata\\u200b":{}}',
            "unknown_parameter",
            "metadata\u200b",
            "Unknown parameter: 'metadata\u200b'.",
            id="zero-width space",
        ),
        pytest.param(
            b'{"metadata":{},"status":"x"}', "unknown_parameter", "status", "Unknown parameter: 'status'.", id="sibling"
        ),
        pytest.param(
            b'{"tool_outputs":[],"metadata":1}',
            "unknown_parameter",
            "tool_outputs",
            "Unknown parameter: 'tool_outputs'.",
            id="the first of two violations",
        ),
    ],
)
def test_a_body_beyond_the_contract_is_refused_in_the_words_of_the_service(
    body: bytes, code: str, param: str, message: str
) -> None:
    """The refusal is the service's own: status, type, code, param and text."""
    found = refusal(post(body))
    assert (found.status, found.kind, found.code, found.param) == (400, "invalid_request_error", code, param)
    assert found.message == message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b'{"metadata":{"k":"v"},"metadata":{"k":1}}', "duplicate_name", id="good, then bad"),
        pytest.param(b'{"metadata":{"k":1},"metadata":{"k":"v"}}', "duplicate_name", id="bad, then good"),
        pytest.param(b'{"metadata":{},"\\u006detadata":{"k":1}}', "duplicate_name", id="second one escaped"),
        pytest.param(b'{"metadata":{"k":"a","k":"b"}}', "duplicate_name", id="key twice"),
        pytest.param(b'{"metadata":{},"x":{"y":{"z":1,"z":2}}}', "duplicate_name", id="depth 3 of a sibling"),
        pytest.param(b'{"metadata":{},"x":1e999}', "number_out_of_range", id="float beyond range"),
        pytest.param(b'{"x":' + b"9" * 5000 + b"}", "number_out_of_range", id="5,000 digits"),
        pytest.param(b'{"x":' + b"[" * 1000 + b"]" * 1000 + b"}", "nesting_too_deep", id="1,000 arrays"),
        pytest.param(b"[]", "invalid_type", id="top-level array"),
        pytest.param(b'"x"', "invalid_type", id="top-level string"),
        pytest.param(b"null", "invalid_type", id="top-level null"),
    ],
)
def test_a_body_with_two_readings_or_no_object_is_refused(body: bytes, code: str) -> None:
    """Such a body is a bad request with a code that tells why."""
    found = refusal(post(body))
    assert (found.status, found.code, found.param) == (400, code, None)


def test_a_body_that_is_no_object_is_refused_by_the_name_of_its_type() -> None:
    """The text follows the service's words for types."""
    found = refusal(post(b"[]"))
    assert found.message == "Invalid type for the request body: expected an object, but got an array instead."


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="nothing"),
        pytest.param([("Accept", "*/*")], id="no type"),
        pytest.param([("Accept", "*/*"), JSON], id="type of JSON"),
    ],
)
def test_where_a_body_may_be_absent_so_may_its_type(headers: list[tuple[str, str]]) -> None:
    """The call is forwarded as the empty object, which is JSON and says so once."""
    guard = Guard(RouteTable(KNOWN), Judge())
    forwarded = guard.admit(Request("POST", "/v1/threads", make_headers(headers))).request
    assert forwarded.body == b"{}"
    assert list(forwarded.headers.items()) == [*(pair for pair in headers if pair != JSON), JSON]


@pytest.mark.parametrize(
    ("target", "headers", "error"),
    [
        pytest.param("/v1/threads", [("Content-Type", "text/plain")], MediaTypeRefused, id="another type"),
        pytest.param("/v1/threads", [("Content-Encoding", "gzip")], MediaTypeRefused, id="compressed"),
        pytest.param("/v1/conversations", [], MediaTypeRefused, id="a body is needed"),
        pytest.param("/v1/conversations", [JSON], MalformedJson, id="a body is needed, of JSON"),
    ],
)
def test_an_absent_body_is_refused_where_something_else_was_meant(
    target: str, headers: list[tuple[str, str]], error: type[Refusal]
) -> None:
    """What the headers say of a body counts also where there is none."""
    request = Request("POST", target, make_headers(headers))
    assert isinstance(refusal(request, Guard(RouteTable(KNOWN), Judge())), error)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"  ", id="white space"),
        pytest.param(b"{}junk", id="junk"),
        pytest.param(b"{}\n{}", id="two values"),
        pytest.param(b"{}\x00", id="trailing NUL"),
        pytest.param(b"{}//", id="comment"),
        pytest.param(b'{"metadata":{},}', id="trailing comma"),
        pytest.param(b"{'metadata':{}}", id="single quotes"),
        pytest.param(b'{"metadata":NaN}', id="NaN"),
        pytest.param(b'{"metadata":Infinity}', id="Infinity"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"metadata":{"k":"\xff"}}', id="no UTF-8"),
        pytest.param(b'{"metadata":{"k":"\\ud800"}}', id="lone surrogate"),
        pytest.param(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="100,000 arrays"),
        pytest.param(gzip.compress(b"{}"), id="compressed without saying so"),
    ],
)
def test_a_body_that_is_no_json_is_refused_as_the_service_does(body: bytes) -> None:
    """The refusal is `MalformedJson`, without code and param."""
    found = refusal(post(body))
    assert isinstance(found, MalformedJson)
    assert (found.status, found.code, found.param) == (400, None, None)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json ; charset="utf-8"',
        "application/json\t;\tcharset=utf-8 ",
    ],
)
def test_json_in_utf8_passes_however_it_is_spelled(media_type: str) -> None:
    """The media type is compared without regard to case and optional white space."""
    request = post_as(("Content-Type", media_type))
    assert GUARD.admit(request).request is request


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/json, text/plain",
        "application/json;",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=cp500",
        "application/json; charset=bogus",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; charset=utf-8, x",
        "application/json; boundary=x",
        "application/jsonp",
        "application/json\n",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        " application/json",
    ],
    ids=repr,
)
def test_any_other_media_type_is_refused(media_type: str) -> None:
    """What is not plainly JSON in UTF-8 could be read as something else."""
    found = refusal(post_as(("Content-Type", media_type)))
    assert isinstance(found, MediaTypeRefused)
    assert (found.status, found.code) == (415, "unsupported_media_type")


def test_a_body_without_a_media_type_is_refused() -> None:
    """A missing Content-Type leaves the reading open."""
    assert refusal(post_as()).code == "unsupported_media_type"


@pytest.mark.parametrize(
    "coding", ["gzip", "x-gzip", "br", "zstd", "deflate", "gzip, gzip", "chunked", "identity", ""], ids=repr
)
def test_any_content_coding_is_refused(coding: str) -> None:
    """The guard reads what it forwards, so a body may not come packed."""
    found = refusal(post(b"{}", ("Content-Encoding", coding)))
    assert isinstance(found, MediaTypeRefused)
    assert (found.status, found.code) == (415, "unsupported_content_encoding")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param([("Content-Type", "text/plain")], "duplicate_header", id="two media types"),
        pytest.param([("content-type", "application/json")], "duplicate_header", id="the same media type twice"),
        pytest.param([("Authorization", "a"), ("authorization", "b")], "duplicate_header", id="two authorizations"),
        pytest.param([("Transfer_Encoding", "chunked")], "ambiguous_header", id="underscore"),
        pytest.param([("Content_Type", "text/plain")], "ambiguous_header", id="underscore for a dash"),
        pytest.param([("Connection", "Authorization")], "ambiguous_header", id="hop-by-hop authorization"),
        pytest.param([("Connection", "keep-alive, Content-Type")], "ambiguous_header", id="hop-by-hop in a list"),
        pytest.param([("Connection", "close"), ("connection", "openai-beta")], "ambiguous_header", id="second header"),
        pytest.param([("Connection", "Upgrade")], "ambiguous_header", id="upgrade"),
        pytest.param([("Connection", "keep-alive close")], "ambiguous_header", id="no comma"),
    ],
)
def test_headers_that_two_servers_could_read_differently_are_refused(headers: list[tuple[str, str]], code: str) -> None:
    """A header that stands twice, hides behind an underscore or strips another one is a bad request."""
    found = refusal(post(b"{}", *headers))
    assert (found.status, found.code) == (400, code)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Connection", "keep-alive")], id="keep-alive"),
        pytest.param([("Connection", "Close")], id="close"),
        pytest.param([("Connection", "TE, keep-alive,, close")], id="harmless list"),
        pytest.param([("Connection", "")], id="empty"),
        pytest.param([("Authorization", "Bearer made-up")], id="one authorization"),
        pytest.param([("Accept", "a"), ("Accept", "b")], id="a list header twice"),
        pytest.param([("X-Stainless-Lang", "python"), ("OpenAI-Beta", "assistants=v2")], id="what SDKs send"),
    ],
)
def test_headers_with_one_reading_pass(headers: list[tuple[str, str]]) -> None:
    """Ordinary headers do not hinder a call."""
    request = post(b"{}", *headers)
    assert GUARD.admit(request).request is request


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "post", "TRACE"])
def test_other_methods_on_the_route_are_refused(method: str) -> None:
    """The endpoint takes GET, HEAD and POST, and the refusal says so."""
    found = refusal(Request(method, PATH, make_headers([JSON]), b"{}"))
    assert isinstance(found, MethodRefused)
    assert (found.status, found.code) == (405, "method_not_allowed")
    assert found.message == f"Not allowed to {method} on /threads/{{thread_id}}/runs/{{run_id}}."
    assert found.headers == {"Allow": "GET, HEAD, POST"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("target", [PATH, f"{PATH}/", "/v1/%74hreads/t/runs/r", "/v1/models"])
def test_reading_calls_pass_as_they_are(method: str, target: str) -> None:
    """A call that changes nothing is not looked into, not even when it has a body."""
    request = Request(method, target, make_headers(), b"not json")
    assert GUARD.admit(request).request is request


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("target", ["/v1/threads/t/runs", "/v1/threads/t/runs/r/cancel", "/v1/files", "/"])
def test_calls_to_other_addresses_pass_as_they_are(method: str, target: str) -> None:
    """What is not guarded is not read: any method, any media type, any bytes."""
    request = Request(method, target, make_headers([("Content-Encoding", "gzip")]), b"\xff")
    assert GUARD.admit(request).request is request


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "target",
    [
        "/v1/threads/t/runs/r%2Fcancel",
        "/v1/threads/t/runs/%2e%2e",
        "/v1/threads/t/runs/..",
        "/v1/threads/t%2F..%2Fx/runs/r",
        "/v1/threads/t;x=1/runs/r",
        "/v1/threads/t/runs/r%00",
        "/v1/threads/t/runs/r%0d%0aX:1",
        "/v1/threads/t/runs/%ff",
        "/v1/%74hreads/t/runs/r",
        "//v1/threads/t/runs/r",
        "/v1/threads/t/runs/r/",
        "/v1/threads/t/runs\\r",
        f"/v1/threads/t/runs/{'r' * 200}",
        "http://evil/v1/threads/t/runs/r",
        "/v1/threads/t/runs/r#frag",
        "/v1/threads/t/runs/r/?x=1",
    ],
)
def test_a_path_that_only_looks_like_another_one_is_refused(method: str, target: str) -> None:
    """Whatever the method and the body, a disguised address is a bad request."""
    found = refusal(Request(method, target, make_headers([JSON]), b"{}"))
    assert (found.status, found.code, found.param) == (400, "invalid_path", None)
    assert found.message.startswith("The path of your request is refused: ")


@pytest.mark.parametrize("query", ["?api-version=2025-05-01", "?", "?a=%2F..", "?/v1/%74hreads/t/runs/r"])
def test_the_query_is_no_part_of_the_path(query: str) -> None:
    """A guarded address stays guarded with any query, and the query stays as it is."""
    request = post(b"{}", target=f"{PATH}{query}")
    assert GUARD.admit(request).request is request
    assert refusal(post(dumped(OVERLONG), target=f"{PATH}{query}")).param == "metadata"


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    """The limit counts bytes; a body of exactly the limit passes."""
    guard = Guard(RouteTable((MODIFY_RUN,)), Judge(), max_metadata_body_bytes=15)
    assert guard.admit(post(b'{"metadata":{}}')).request.body == b'{"metadata":{}}'
    found = refusal(post(b'{"metadata":{}} '), guard)
    assert isinstance(found, BodyTooLarge)
    assert (found.status, found.code) == (413, "body_too_large")
    assert "15 bytes" in found.message


def test_the_limit_is_one_mebibyte_unless_told() -> None:
    """White space up to 1 MiB is read, one byte more is not."""
    body = b"{}".ljust(1024 * 1024)
    assert GUARD.admit(post(body)).request.body == b"{}"
    assert refusal(post(body + b" ")).code == "body_too_large"


def test_all_violations_are_listed_in_a_header_and_the_first_one_is_told() -> None:
    """A client can mend all mistakes at once; names are percent-encoded, so the header stays one line."""
    found = refusal(post(dumped({"foo": 1, "metadata": {"a b\r\n": 1, "é": "v" * 513}})))
    assert found.message == "Unknown parameter: 'foo'."
    assert found.headers == {
        "x-runproxy-violations": 'unknown_parameter;param="foo", invalid_type;param="metadata.a%20b%0D%0A", '
        'string_above_max_length;param="metadata.%C3%A9"'
    }


def test_a_single_violation_is_listed_too() -> None:
    """The header is there whatever the number of violations."""
    found = MetadataRefused(Judgement((Violation("invalid_type", "metadata.k", "text"),)), {})
    assert found.headers == {"x-runproxy-violations": 'invalid_type;param="metadata.k"'}


TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)
BODIES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.none()
        | st.dictionaries(
            TEXTS | TEXTS.map(lambda text: text.ljust(65, "x")),
            TEXTS | st.sampled_from(["v" * 512, "v" * 513, 1, None, []]),
            max_size=18,
        ),
        "extra": st.none(),
    },
)


def is_within_contract(body: dict[str, Any]) -> bool:
    """Tell by the plainest reading of the contract whether a body is to pass."""
    metadata = body.get("metadata") or {}
    return (
        set(body) <= {"metadata"}
        and len(metadata) <= 16
        and all(len(key) <= 64 for key in metadata)
        and all(isinstance(value, str) and len(value) <= 512 for value in metadata.values())
    )


@settings(deadline=None, max_examples=200)
@given(body=BODIES, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_a_body_passes_exactly_when_it_is_within_the_contract(
    body: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    """However it is written, a body is forwarded with its meaning, or refused with its mistakes listed."""
    request = post(json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode())
    if is_within_contract(body):
        assert GUARD.admit(request).request.body == dumped(body)
    else:
        assert refusal(request).headers["x-runproxy-violations"]


def test_an_empty_connection_header_does_not_hide_a_second() -> None:
    """Every Connection header is looked at, not the first alone."""
    headers = make_headers([("Content-Type", "application/json"), ("Connection", ""), ("Connection", "Authorization")])
    with pytest.raises(Refusal) as caught:
        GUARD.admit(Request("POST", "/v1/threads/t/runs/r", headers, b"{}"))
    assert caught.value.code == "ambiguous_header"


@pytest.mark.parametrize(
    "query", ["metadata[k]=v", "a=1&metadata=x", "a=1;metadata.k=x", "%6detadata=x", "_method=DELETE"]
)
def test_a_query_that_says_more_than_the_body_is_refused(query: str) -> None:
    """Some servers merge the query into the body, or take a method from it."""
    headers = make_headers([("Content-Type", "application/json")])
    with pytest.raises(Refusal) as caught:
        GUARD.admit(Request("POST", f"/v1/threads/t/runs/r?{query}", headers, b"{}"))
    assert caught.value.code == "ambiguous_query"


class _Coming:
    """A body that is still to come, and that nobody here may read."""

    def __aiter__(self) -> "_Coming":
        return self

    async def __anext__(self) -> bytes:
        raise AssertionError

    async def aclose(self) -> None:
        raise AssertionError


EVERY_ROUTE = Guard(RouteTable((*KNOWN, Route("any_body", "POST", "/anything/{id}", ()))), Judge())


@pytest.mark.parametrize(
    ("method", "path", "is_read"),
    [
        pytest.param("POST", "/v1/threads/t/runs/r", True, id="guarded"),
        pytest.param("POST", "/v1/threads", True, id="guarded, may be empty"),
        pytest.param("DELETE", "/v1/threads/t", True, id="must have no body"),
        pytest.param("GET", "/v1/threads/t/runs/r", False, id="reading"),
        pytest.param("HEAD", "/v1/threads/t/runs/r", False, id="reading the head"),
        pytest.param("POST", "/v1/files", False, id="another address"),
        pytest.param("POST", "/v1/anything/1", False, id="of the table, without metadata"),
    ],
)
def test_a_body_that_is_looked_at_must_be_here(method: str, path: str, is_read: bool) -> None:
    """Any other may be still to come, and a call is never admitted with one that nobody has judged."""
    coming = Request(method, path, make_headers([JSON]), stream=_Coming())
    assert EVERY_ROUTE.reads_body(coming) is is_read
    if is_read:
        with pytest.raises(RulesChanged):
            EVERY_ROUTE.admit(coming)
    else:
        assert EVERY_ROUTE.admit(coming).request is coming


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/v1/threads/t"), ("POST", "/v1/threads/t%2F/runs")])
def test_who_is_refused_by_the_head_alone_need_not_send_a_body(method: str, path: str) -> None:
    """It is refused whether the body is here or not."""
    coming = Request(method, path, make_headers([JSON]), stream=_Coming())
    assert not EVERY_ROUTE.reads_body(coming)
    with pytest.raises(Refusal):
        EVERY_ROUTE.admit(coming)
