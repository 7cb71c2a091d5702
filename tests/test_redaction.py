"""Redaction: what is stored of a call, and the gate that lets nothing secret through, in whatever encoding."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.errors import SecretFound
from runproxy.messages import Headers, Request, Response, make_headers
from runproxy.redaction import (
    MIN_CREDENTIAL_CHARS,
    NO_CREDENTIALS,
    WriteGate,
    dropped_names,
    kept_request_headers,
    kept_response_headers,
    scrub,
    storable_request,
    storable_response,
)

CREDENTIAL = "made/up+credential==~0"


def get(target: str = "/p", *headers: tuple[str, str], body: bytes = b"") -> Request:
    """Make a request."""
    return Request("GET", target, make_headers(headers), body)


def gate_after(*requests: Request) -> WriteGate:
    """Make a gate that has seen some requests."""
    gate = WriteGate()
    for request in requests:
        gate.learn(request)
    return gate


def lets_pass(gate: WriteGate, text: str | bytes) -> bool:
    """Tell whether data passes a gate."""
    data = text.encode() if isinstance(text, str) else text
    try:
        gate.inspect("the text", data)
    except SecretFound:
        return False
    return True


# What is kept


@pytest.mark.parametrize("name", ["Content-Type", "content-encoding", "OpenAI-Beta"])
def test_a_request_header_on_the_list_is_kept(name: str) -> None:
    """What tells how to read a body is stored, with its name in lower case."""
    assert list(kept_request_headers(make_headers([(name, "v")])).items()) == [(name.lower(), "v")]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Cookie",
        "Proxy-Authorization",
        "api-key",
        "OpenAI-Organization",
        "OpenAI-Project",
        "User-Agent",
        "Host",
        "X-Stainless-Lang",
        "Content-Length",
        "X-Request-Id",
        "X-Never-Heard-Of",
    ],
)
def test_every_other_request_header_is_dropped(name: str) -> None:
    """What is not on the list is not stored, whether it looks secret or not."""
    assert not kept_request_headers(make_headers([(name, "v")]))


@pytest.mark.parametrize(
    "name",
    [
        "Allow",
        "Content-Encoding",
        "Content-Type",
        "Deprecation",
        "OpenAI-Version",
        "Retry-After",
        "Retry-After-Ms",
        "Sunset",
        "WWW-Authenticate",
        "X-Request-Id",
        "X-Should-Retry",
    ],
)
def test_a_response_header_on_the_list_is_kept(name: str) -> None:
    """What an SDK acts on is stored, with its name in lower case."""
    assert list(kept_response_headers(make_headers([(name, "v")])).items()) == [(name.lower(), "v")]


@pytest.mark.parametrize(
    "name",
    [
        "Set-Cookie",
        "OpenAI-Organization",
        "OpenAI-Processing-Ms",
        "Date",
        "Server",
        "Cf-Ray",
        "Alt-Svc",
        "Content-Length",
        "Transfer-Encoding",
        "X-Never-Heard-Of",
    ],
)
def test_every_other_response_header_is_dropped(name: str) -> None:
    """What names an account, a place or a moment is not stored."""
    assert not kept_response_headers(make_headers([(name, "v")]))


def test_kept_headers_stay_in_order_with_duplicates() -> None:
    """Order and number of headers are part of what was said."""
    headers = make_headers([("X-Request-Id", "1"), ("Date", "d"), ("Allow", "GET"), ("x-request-id", "2")])
    kept = kept_response_headers(headers)
    assert list(kept.items()) == [("x-request-id", "1"), ("allow", "GET"), ("x-request-id", "2")]


def test_bytes_that_are_no_utf8_are_spelled_out() -> None:
    """A header value becomes text that JSON can hold."""
    kept = kept_response_headers(make_headers([("Allow", "a\udcff"), ("Sunset", "é")]))
    assert list(kept.items()) == [("allow", "a\\udcff"), ("sunset", "é")]


def test_dropped_headers_are_named_without_their_values() -> None:
    """A report names what is gone, in the spelling it came in."""
    headers = make_headers([("Authorization", "secret"), ("Content-Type", "t"), ("X-Other", "o")])
    assert dropped_names(headers, kept_request_headers(headers)) == ["authorization", "x-other"]


# Scrubbing


@pytest.mark.parametrize(
    ("query", "scrubbed"),
    [
        pytest.param("api-key=abc", "api-key=REDACTED", id="alone"),
        pytest.param("a=1&api-key=abc&b=2", "a=1&api-key=REDACTED&b=2", id="among others"),
        pytest.param("Api-Key=abc", "Api-Key=REDACTED", id="capitals"),
        pytest.param("api%2Dkey=abc", "api%2Dkey=REDACTED", id="encoded name"),
        pytest.param("key=a=b", "key=REDACTED", id="equals sign in the value"),
        pytest.param("token=", "token=REDACTED", id="empty value"),
        pytest.param("sig=a&sig=b", "sig=REDACTED&sig=REDACTED", id="twice"),
        pytest.param("access_token=a", "access_token=REDACTED", id="access token"),
        pytest.param("X-Amz-Signature=a", "X-Amz-Signature=REDACTED", id="signed URL"),
        pytest.param("password=a&PWD=b", "password=REDACTED&PWD=REDACTED", id="passwords"),
        pytest.param("token", "token", id="a name without a value"),
        pytest.param("keys=a", "keys=a", id="longer name"),
        pytest.param("after=api-key", "after=api-key", id="name in a value"),
        pytest.param("api-version=v1&limit=20&order=asc", "api-version=v1&limit=20&order=asc", id="ordinary"),
        pytest.param("a=%2F+b&&=", "a=%2F+b&&=", id="odd but harmless"),
    ],
)
def test_query_values_named_like_a_secret_are_replaced(query: str, scrubbed: str) -> None:
    """Only the value goes; name, order and all other pairs stay as they were written."""
    assert scrub(get(f"/p?{query}")).target == f"/p?{scrubbed}"


@pytest.mark.parametrize("target", ["/p", "/p?", "/token=abc"])
def test_a_target_without_a_query_stays(target: str) -> None:
    """The path is not scrubbed."""
    request = get(target)
    assert scrub(request) is request


def test_scrubbing_leaves_headers_and_body_alone() -> None:
    """Only what matching compares and may be secret is replaced."""
    request = get("/p?key=abc", ("Authorization", "a"), body=b"b")
    assert scrub(request) == get("/p?key=REDACTED", ("Authorization", "a"), body=b"b")


QUERY_NAMES = st.sampled_from(["key", "Token", "api%2Dkey", "sig", "limit", "", "%", "a+b"])
QUERIES = st.lists(
    st.builds("{}={}".format, QUERY_NAMES, st.text("ab=%?;+/&", max_size=6)) | st.text("ab=&%?", max_size=4), max_size=5
).map("&".join)


@settings(deadline=None, max_examples=200)
@given(query=QUERIES)
def test_scrubbing_twice_changes_nothing(query: str) -> None:
    """What is scrubbed at recording is the same when it is scrubbed again at look-up."""
    once = scrub(get(f"/p?{query}"))
    assert scrub(once) == once


def test_a_storable_call_holds_no_secret_header_and_no_secret_query() -> None:
    """Method, path, body, status and allow-listed headers are left."""
    sent = get("/p?sig=s&a=1", ("Authorization", "x"), ("Content-Type", "t"), body=b"b")
    got = Response(401, make_headers([("Set-Cookie", "c"), ("X-Request-Id", "r")]), b"e")
    assert storable_request(sent) == get("/p?sig=REDACTED&a=1", ("content-type", "t"), body=b"b")
    assert storable_response(got, "GET") == Response(401, make_headers([("x-request-id", "r")]), b"e")


# What the gate learns


def basic(pair: str) -> str:
    """Make the value of a Basic authorization."""
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@pytest.mark.parametrize(
    ("request_", "secret"),
    [
        pytest.param(get("/p", ("Authorization", "Bearer abcdefgh")), "abcdefgh", id="bearer token"),
        pytest.param(get("/p", ("authorization", "abcdefgh")), "abcdefgh", id="no scheme"),
        pytest.param(get("/p", ("Proxy-Authorization", "Bearer abcdefgh")), "abcdefgh", id="proxy"),
        pytest.param(get("/p", ("Authorization", basic("user:pass-word"))), "pass-word", id="basic password"),
        pytest.param(get("/p", ("Authorization", basic("user:pass-word"))), "user:pass-word", id="basic pair"),
        pytest.param(get("/p", ("Authorization", "Basic not*base64")), "not*base64", id="broken basic"),
        pytest.param(get("/p", ("Authorization", basic("user:"))), basic("user:")[6:], id="no password"),
        pytest.param(get("/p", ("api-key", "abcdefgh")), "abcdefgh", id="Azure key"),
        pytest.param(get("/p", ("Ocp-Apim-Subscription-Key", "abcdefgh")), "abcdefgh", id="subscription key"),
        pytest.param(get("/p", ("X-Goog-Api-Key", "abcdefgh")), "abcdefgh", id="Google key"),
        pytest.param(get("/p", ("X-ApiKey", "abcdefgh")), "abcdefgh", id="key in one word"),
        pytest.param(get("/p", ("X-Amz-Security-Token", "abcdefgh")), "abcdefgh", id="token header"),
        pytest.param(get("/p", ("X-Client-Secret", "abcdefgh")), "abcdefgh", id="secret header"),
        pytest.param(get("/p", ("X-Hub-Signature", "sha1=abcdefgh")), "abcdefgh", id="signature header"),
        pytest.param(get("/p", ("Cookie", "a=b; session=abcdefgh; c=d")), "abcdefgh", id="cookie"),
        pytest.param(get("/p", ("Cookie", 'session="abcdefgh"')), "abcdefgh", id="quoted cookie"),
        pytest.param(
            get("/p", ("Authorization", "A"), ("authorization", "B abcdefgh")), "abcdefgh", id="second header"
        ),
        pytest.param(get("/p?api-key=abcdefgh"), "abcdefgh", id="query"),
        pytest.param(get("/p?a=1&Sig=ab%2Fcdefg"), "ab/cdefg", id="query, decoded"),
        pytest.param(get("/p?a=1&Sig=ab%2fcdefg"), "ab%2fcdefg", id="query, as written"),
        pytest.param(get("/p?sub=x&subscription%2Dkey=abcdefgh"), "abcdefgh", id="query with an encoded name"),
    ],
)
def test_a_credential_that_was_sent_is_stopped(request_: Request, secret: str) -> None:
    """What a header or a query value named like a secret has carried may not be written anywhere."""
    assert lets_pass(WriteGate(), secret)
    assert not lets_pass(gate_after(request_), f"before {secret} after")


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        pytest.param(get("/p", ("Authorization", "Bearer abcdefg")), "abcdefg", id="too short to tell"),
        pytest.param(get("/p", ("Authorization", "Bearer abcdefgh")), "Bearer ABCDEFGH", id="other case"),
        pytest.param(get("/p", ("Authorization", "Bearer abcdefgh")), "abcdefg", id="a part of it"),
        pytest.param(get("/p", ("Idempotency-Key", "abcdefgh")), "abcdefgh", id="idempotency key"),
        pytest.param(get("/p", ("Sec-WebSocket-Key", "abcdefgh")), "abcdefgh", id="websocket key"),
        pytest.param(
            get("/p", ("Cookie", "a=application/json; b=metadata")), "application/json", id="word of every recording"
        ),
        pytest.param(get("/p", ("Authorization", "Bearer REDACTED")), "REDACTED", id="placeholder"),
        pytest.param(get("/p", ("OpenAI-Beta", "assistants=v2")), "assistants=v2", id="ordinary header"),
        pytest.param(get("/p?after=abcdefgh"), "abcdefgh", id="ordinary query"),
        pytest.param(get("/token=abcdefgh"), "abcdefgh", id="path"),
    ],
)
def test_what_is_no_credential_passes(request_: Request, text: str) -> None:
    """Ordinary values, and credentials too short to be told from text, stop nothing."""
    assert lets_pass(gate_after(request_), text)


def test_the_shortest_credential_searched_for_has_eight_characters() -> None:
    """The limit is part of the promise."""
    assert MIN_CREDENTIAL_CHARS == 8


def test_cookies_handed_out_are_learned() -> None:
    """The value of every Set-Cookie is searched for; its attributes are not."""
    gate = WriteGate()
    gate.learn_cookies(
        Response(
            200, make_headers([("Set-Cookie", "__cf_bm=abcdefgh; Path=/some/where"), ("set-cookie", "u=ijklmnop")])
        )
    )
    assert not lets_pass(gate, "abcdefgh")
    assert not lets_pass(gate, "ijklmnop")
    assert lets_pass(gate, "Path=/some/where")


# In which encodings


ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "URL": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON with escaped slashes": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"a": secret})),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 behind one byte": lambda secret: base64.b64encode(b"." + secret.encode() + b".").decode(),
    "base64 behind two bytes": lambda secret: base64.b64encode(b".." + secret.encode() + b"..").decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(b"{:" + secret.encode() + b"}").decode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "secret", [CREDENTIAL, 'quo"te\\back', "ümläut-é€", "pass word 1", "a/b/c/d/e", "\U0001f600" * 8]
)
def test_a_credential_is_found_in_every_encoding(encoding: str, secret: str) -> None:
    """A service may echo a credential in any of these forms."""
    gate = gate_after(get(f"/p?token={quote(secret)}"))
    text = f'{{"echo":"{ENCODINGS[encoding](secret)}"}}'
    assert lets_pass(WriteGate(), text)
    assert not lets_pass(gate, text)


def is_searched_for(secret: str) -> bool:
    """Tell a credential from the words that stand in every recording."""
    return secret not in NO_CREDENTIALS


@settings(deadline=None, max_examples=300)
@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=MIN_CREDENTIAL_CHARS, max_size=24).filter(is_searched_for),
    around=st.tuples(st.text(max_size=5), st.text(max_size=5)),
    encoding=st.sampled_from(sorted(ENCODINGS)),
)
def test_a_learned_credential_is_found_wherever_it_is_embedded(
    secret: str, around: tuple[str, str], encoding: str
) -> None:
    """Whatever stands around it, a query credential is found in every encoding."""
    gate = gate_after(get(f"/p?api-key={quote(secret, safe='')}"))
    before, after = (text.encode("utf-8", "replace") for text in around)
    assert not lets_pass(gate, before + ENCODINGS[encoding](secret).encode() + after)


@settings(deadline=None, max_examples=200)
@given(
    secret=st.text(
        st.characters(codec="ascii", categories=["L", "N", "S", "P"], exclude_characters=";,"), min_size=8
    ).filter(is_searched_for),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
    is_for_urls=st.booleans(),
)
def test_a_bearer_token_is_found_at_any_offset_inside_base64(
    secret: str, before: bytes, after: bytes, is_for_urls: bool
) -> None:
    """Encoding a text that contains a token hides it from the eye, not from the gate."""
    gate = gate_after(get("/p", ("Authorization", f"Bearer {secret}")))
    encode = base64.urlsafe_b64encode if is_for_urls else base64.b64encode
    assert not lets_pass(gate, encode(before + secret.encode() + after))


# Shapes of tokens


def a(count: int) -> str:
    """Make filler; a literal token in a test file would be reported by scanners."""
    return "a" * count


SHAPES = [
    pytest.param("OpenAI key", f"sk-{a(20)}", id="OpenAI"),
    pytest.param("OpenAI key", f"sk-proj-{a(10)}_{a(10)}-{a(4)}", id="OpenAI project"),
    pytest.param("session token", f"sess-{a(32)}", id="session"),
    *(pytest.param("GitHub token", f"gh{kind}_{a(36)}", id=f"GitHub {kind}") for kind in "pousr"),
    pytest.param("GitHub token", f"github_pat_{a(22)}_{a(17)}", id="GitHub fine-grained"),
    pytest.param("GitLab token", f"glpat-{a(20)}", id="GitLab"),
    pytest.param("AWS access key", f"AKIA{a(16).upper()}", id="AWS"),
    pytest.param("AWS access key", f"ASIA{'7' * 16}", id="AWS temporary"),
    pytest.param("Slack token", f"xoxb-{a(10)}", id="Slack bot"),
    pytest.param("Google API key", f"AIza{a(35)}", id="Google"),
    pytest.param("Hugging Face token", f"hf_{a(30)}", id="Hugging Face"),
    pytest.param("npm token", f"npm_{a(36)}", id="npm"),
    pytest.param("JSON web token", f"eyJ{a(8)}.eyJ{a(8)}.{a(8)}", id="JSON web token"),
    pytest.param("private key", "-----BEGIN " + "PRIVATE KEY-----", id="private key"),
    pytest.param("private key", "-----BEGIN RSA " + "PRIVATE KEY-----", id="RSA key"),
    pytest.param("bearer token", f"Bearer {a(20)}", id="bearer"),
    pytest.param("bearer token", f"bearer a.b_c~d+e/f-{a(9)}", id="bearer in lower case"),
]


@pytest.mark.parametrize("frame", ["{}", '{{"k": "{}"}}', "a text with {} in it", "={}&", "_{}", "é{}"])
@pytest.mark.parametrize(("shape", "token"), SHAPES)
def test_a_token_shape_is_stopped_and_named(shape: str, token: str, frame: str) -> None:
    """A gate that has seen no call knows the shapes, and the error names the kind and the place."""
    with pytest.raises(SecretFound) as caught:
        WriteGate().inspect("the answer", frame.format(token).encode())
    assert caught.value.shape == f"what looks like a secret ({shape})"
    assert caught.value.where == "the answer"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"task-{a(40)}", id="task-"),
        pytest.param(f"risk-{a(40)}", id="risk-"),
        pytest.param(f"disk-{a(40)}", id="disk-"),
        pytest.param(f"9sk-{a(40)}", id="digit in front"),
        pytest.param(f"sk-{a(19)}", id="OpenAI, one short"),
        pytest.param(f"SK-{a(40)}", id="capitals"),
        pytest.param(f"sk_{a(40)}", id="underscore"),
        pytest.param(f"sk-{a(10)} {a(10)}", id="broken by a space"),
        pytest.param(f"sess-{a(31)}", id="session, one short"),
        pytest.param(f"possess-{a(40)}", id="possess-"),
        pytest.param(f"ghp_{a(35)}", id="GitHub, one short"),
        pytest.param(f"ghx_{a(36)}", id="no GitHub kind"),
        pytest.param(f"github_pat_{a(39)}", id="fine-grained, one short"),
        pytest.param(f"glpat-{a(19)}", id="GitLab, one short"),
        pytest.param(f"AKIA{'A' * 15}a", id="AWS in lower case"),
        pytest.param(f"xAKIA{'A' * 16}", id="AWS inside a word"),
        pytest.param(f"xoxz-{a(10)}", id="no Slack kind"),
        pytest.param(f"xoxb-{a(9)}", id="Slack, one short"),
        pytest.param(f"AIza{a(34)}", id="Google, one short"),
        pytest.param(f"hf_{a(29)}", id="Hugging Face, one short"),
        pytest.param(f"shelf_{a(40)}", id="shelf_"),
        pytest.param(f"npm_{a(35)}", id="npm, one short"),
        pytest.param(f"eyJ{a(8)}.{a(8)}.{a(8)}", id="dotted, but no web token"),
        pytest.param(f"eyJ{a(40)}", id="base64 of an object"),
        pytest.param("-----BEGIN PUBLIC KEY-----", id="public key"),
        pytest.param("-----BEGIN CERTIFICATE-----", id="certificate"),
        pytest.param(f"Bearer {a(19)}", id="bearer, one short"),
        pytest.param(f"forebearer {a(40)}", id="forebearer"),
        pytest.param('Bearer realm="OpenAI API"', id="challenge"),
        pytest.param("REDACTED", id="what scrubbing leaves"),
        pytest.param("run_abc123 thread_abc123 asst_abc123 req_0123456789abcdef0123456789abcdef", id="ids"),
    ],
)
def test_near_misses_of_token_shapes_pass(text: str) -> None:
    """Ordinary words and ids are no tokens."""
    assert lets_pass(WriteGate(), text)


# Nothing secret in what the gate says


def test_the_gate_shows_how_many_credentials_it_has_seen_and_none_of_them() -> None:
    """Its repr is safe to log."""
    gate = gate_after(get("/p?key=abcdefgh", ("Authorization", CREDENTIAL)), get("/p?key=abcdefgh"))
    assert repr(gate) == "WriteGate(2 credentials seen)"


@pytest.mark.parametrize("text", [CREDENTIAL, f"sk-{a(30)}"], ids=["learned", "shaped"])
def test_an_error_of_the_gate_does_not_repeat_the_secret(text: str) -> None:
    """Place and kind are told, the secret is kept nowhere in the error."""
    gate = gate_after(get("/p", ("Authorization", CREDENTIAL)))
    with pytest.raises(SecretFound) as caught:
        gate.inspect("the body of the request", text.encode())
    error = caught.value
    assert text not in f"{error} {error!r} {error.args} {vars(error)}"
    assert "found in the body of the request; the interaction was not stored" in error.message
    assert error.code == "secret_found"


def test_storable_parts_show_no_values() -> None:
    """Requests and answers keep headers and bodies out of their repr, kept ones too."""
    headers: Headers = make_headers([("Content-Type", "visible")])
    text = repr(
        (storable_request(Request("GET", "/p", headers, b"body")), storable_response(Response(200, headers), "GET"))
    )
    assert "visible" not in text
    assert "body" not in text.replace("body=", "")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(json.dumps(f"key:\nsk-{a(40)}"), id="behind a JSON escape"),
        pytest.param(json.dumps(f"key:\u2028sk-{a(40)}"), id="behind a JSON code point"),
        pytest.param(f"k%3Dsk-{a(30)}", id="behind a URL escape"),
    ],
)
def test_an_escape_in_front_does_not_hide_a_token(text: str) -> None:
    """The last character of an escape is no part of the word that follows it."""
    assert not lets_pass(WriteGate(), text)


@pytest.mark.parametrize("scheme", ["Negotiate", "AWS4-HMAC-SHA256"])
def test_the_name_of_a_scheme_is_no_secret(scheme: str) -> None:
    """What names the way to authenticate may stand in an answer; what follows it may not."""
    gate = gate_after(get("/p", ("Authorization", f"{scheme} a-token-of-some-length")))
    assert lets_pass(gate, f"WWW-Authenticate: {scheme}")
    assert not lets_pass(gate, "it was a-token-of-some-length")


@pytest.mark.parametrize("spelled", ["a%2fb%2bc%3dd%2fe", "a/b%2Bc%3Dd/e", "a%2Fb%2Bc%3Dd%2Fe"])
def test_every_percent_spelling_is_found(spelled: str) -> None:
    """Escapes in lower case and slashes left plain are the same credential."""
    gate = gate_after(get("/p", ("Authorization", "Bearer a/b+c=d/e")))
    assert not lets_pass(gate, spelled)


def test_a_secret_behind_a_semicolon_is_learned_and_scrubbed() -> None:
    """Both separators of a query are known wherever a query is taken apart."""
    request = get("/p?a=1;token=a-token-of-some-length")
    assert not lets_pass(gate_after(request), "a-token-of-some-length")
    assert scrub(request).target == "/p?a=1;token=REDACTED"
