"""Replies: runproxy's own answers have the shape of the service's errors, to the byte."""

import pytest

from runproxy.errors import (
    BodyTooLarge,
    CassetteMiss,
    MalformedJson,
    MethodRefused,
    Refusal,
    RunproxyError,
    UpstreamError,
    UpstreamTimeout,
)
from runproxy.guard import MetadataRefused
from runproxy.metadata import check
from runproxy.replies import error_body, error_reply
from runproxy.strictjson import parse
from runproxy.violations import Judgement


def test_a_refused_value_is_answered_as_the_service_answered_it() -> None:
    """The recorded reply of the service to a boolean has these 220 bytes."""
    reply = error_reply(MetadataRefused(Judgement(tuple(check({"modified": True}))), {}))
    assert reply.status == 400
    assert reply.body == (
        b"{\n"
        b'  "error": {\n'
        b'    "message": "Invalid type for \'metadata.modified\': expected a string, but got a boolean instead.",\n'
        b'    "type": "invalid_request_error",\n'
        b'    "param": "metadata.modified",\n'
        b'    "code": "invalid_type"\n'
        b"  }\n"
        b"}"
    )
    assert len(reply.body) == 220


def test_a_body_that_is_no_json_is_answered_with_four_spaces_and_a_final_newline() -> None:
    """The service prints this one error in another style."""
    with pytest.raises(MalformedJson) as caught:
        parse(b"{")
    assert error_reply(caught.value).body == (
        b"{\n"
        b'    "error": {\n'
        b'        "message": "We could not parse the JSON body of your request. (HINT: This likely means you aren\'t '
        b"using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid "
        b"JSON. If you have trouble figuring out how to fix this, please contact us through our help center at "
        b'help.openai.com.)",\n'
        b'        "type": "invalid_request_error",\n'
        b'        "param": null,\n'
        b'        "code": null\n'
        b"    }\n"
        b"}\n"
    )


@pytest.mark.parametrize(
    ("error", "status", "kind", "outcome"),
    [
        pytest.param(Refusal("m", code="c"), 400, "invalid_request_error", "refused", id="refusal"),
        pytest.param(MethodRefused("m", code="c"), 405, "invalid_request_error", "refused", id="method"),
        pytest.param(BodyTooLarge(5), 413, "invalid_request_error", "refused", id="size"),
        pytest.param(CassetteMiss("m", code="c"), 501, "runproxy_error", "miss", id="miss"),
        pytest.param(UpstreamError("m", code="c"), 502, "runproxy_error", "failed", id="upstream"),
        pytest.param(UpstreamTimeout("m", code="c"), 504, "runproxy_error", "failed", id="timeout"),
        pytest.param(RunproxyError("m", code="c"), 500, "runproxy_error", "failed", id="anything else"),
    ],
)
def test_an_error_tells_its_status_type_and_outcome(error: RunproxyError, status: int, kind: str, outcome: str) -> None:
    """Every kind of error has its own status, the type an SDK reads, and the outcome header."""
    reply = error_reply(error)
    assert reply.status == status
    assert f'"type": "{kind}"'.encode() in reply.body
    assert list(reply.headers.items()) == [("Content-Type", "application/json"), ("x-runproxy-outcome", outcome)]


def test_headers_of_an_error_ride_on_the_reply() -> None:
    """They stand between the content type and the outcome."""
    reply = error_reply(MethodRefused("m", code="c", headers={"Allow": "GET", "X-More": "1"}))
    assert list(reply.headers.items()) == [
        ("Content-Type", "application/json"),
        ("Allow", "GET"),
        ("X-More", "1"),
        ("x-runproxy-outcome", "refused"),
    ]


def test_details_follow_the_four_members_of_an_error() -> None:
    """A miss can say more, and an SDK still finds what it looks for."""
    reply = error_reply(CassetteMiss("m", code="cassette_miss", param="p", details={"nearest": {"position": 0}}))
    assert reply.body == (
        b'{\n  "error": {\n    "message": "m",\n    "type": "runproxy_error",\n    "param": "p",\n'
        b'    "code": "cassette_miss",\n    "nearest": {\n      "position": 0\n    }\n  }\n}'
    )


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("compact", '{"error":{"message":"ü","type":"t","param":null,"code":null}}'),
        ("spaced+newline", '{"error": {"message": "ü", "type": "t", "param": null, "code": null}}\n'),
    ],
)
def test_an_error_body_is_printed_in_the_style_asked_for(style: str, text: str) -> None:
    """The four members are always there and in the same order."""
    assert error_body("ü", kind="t", param=None, code=None, style=style) == text.encode()


def test_an_error_body_is_printed_with_two_spaces_unless_told() -> None:
    """Two spaces and no final newline are what the service prints."""
    assert error_body("m", kind="t", param="p", code="c") == (
        b'{\n  "error": {\n    "message": "m",\n    "type": "t",\n    "param": "p",\n    "code": "c"\n  }\n}'
    )
