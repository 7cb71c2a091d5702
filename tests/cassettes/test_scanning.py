"""Secrets on file: they are found where they stand, and are not told."""

import base64
import gzip
import json
from urllib.parse import quote

import pytest
from hypothesis import given

from runproxy.cassettes import Interaction
from runproxy.cassettes.layout import EMPTY
from runproxy.cassettes.scanning import HEADER, OPAQUE, QUERY_VALUE, Scanner
from tests.cassettes.recordings import JSON, cassettes, recording, text_of

TOKEN = "sk-" + "a1B2" * 8
OPENAI = "what looks like a secret (OpenAI key)"
OWN = "made/up+password é"


def found(text: bytes, **credentials: str) -> list[tuple[str, str]]:
    """Search a file, and see to it that nothing secret is told."""
    scanned = Scanner(credentials).scan(text, "file.json")
    told = repr(scanned)
    assert not any(secret in told for secret in (TOKEN, *credentials.values()))
    return [(finding.where, finding.kind) for finding in scanned.findings]


@pytest.mark.parametrize(
    ("interaction", "where", "kind"),
    [
        pytest.param(recording(f"/v1/{TOKEN}"), "request.path", OPENAI, id="path"),
        pytest.param(recording(f"/v1/a?x={TOKEN}"), "request.query", OPENAI, id="query"),
        pytest.param(recording("/v1/a?api-key=short"), "request.query", QUERY_VALUE, id="named-query-value"),
        pytest.param(recording(sent={"metadata": {"a": TOKEN}}), "request.body.metadata.a", OPENAI, id="request"),
        pytest.param(recording(got={"a": [1, f"x {TOKEN}"]}), "response.body.a[1]", OPENAI, id="answer"),
        pytest.param(recording(got={"a b": {"c": TOKEN}}), 'response.body["a b"].c', OPENAI, id="odd-name"),
        pytest.param(recording(got={"a": {TOKEN: 1}}), "response.body.a", OPENAI, id="name"),
        pytest.param(recording(got=f"error: {TOKEN}".encode()), "response.body", OPENAI, id="text"),
        pytest.param(recording(got=b"\xff " + TOKEN.encode()), "response.body", OPENAI, id="bytes"),
        pytest.param(
            recording(got=gzip.compress(json.dumps({"a": TOKEN}).encode()), headers=[("content-encoding", "gzip")]),
            "response.body.a",
            OPENAI,
            id="compressed",
        ),
        pytest.param(
            recording(got=b"\x8b?", headers=[("content-encoding", "br")]), "response.body", OPAQUE, id="opaque"
        ),
        pytest.param(recording(headers=[JSON, ("x", TOKEN)]), "response.headers[1].x", OPENAI, id="header-value"),
        pytest.param(recording(headers=[(TOKEN, "x")]), "response.headers[0]", OPENAI, id="header-name"),
        pytest.param(
            recording(headers=[("Set-Cookie", "a=b")]), "response.headers[0].Set-Cookie", HEADER, id="named-header"
        ),
    ],
)
def test_a_secret_in_a_cassette_is_found_where_it_stands(interaction: Interaction, where: str, kind: str) -> None:
    """As a path into the file that leads to the value."""
    assert found(text_of([recording(), interaction])) == [(f"interactions[1].{where}", kind)]


def test_a_name_on_the_way_that_is_a_secret_is_not_told() -> None:
    """What stands below it is found too, under a name that hides it."""
    assert found(text_of([recording(got={TOKEN: {"a": TOKEN}})])) == [
        ("interactions[0].response.body", OPENAI),
        ('interactions[0].response.body["(secret)"].a', OPENAI),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text_of([recording(headers=[JSON, ("www-authenticate", "Bearer")])]), id="harmless-header"),
        pytest.param(text_of([recording("/v1/a?api-key=REDACTED")]), id="redacted"),
        pytest.param(EMPTY, id="empty"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"task-0123456789012345678901234567890123456789", id="a-longer-word"),
    ],
)
def test_what_is_no_secret_is_not_told(text: bytes) -> None:
    """A cassette as runproxy writes it has no findings."""
    assert found(text) == []


@given(cassettes)
def test_what_holds_no_secret_has_no_findings(held: list[Interaction]) -> None:
    """Chance makes none."""
    assert found(text_of(held)) == []


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(OWN, id="raw"),
        pytest.param(quote(OWN, safe=""), id="url"),
        pytest.param(json.dumps(OWN)[1:-1], id="json"),
        pytest.param(base64.b64encode(f"user:{OWN}".encode()).decode(), id="basic"),
    ],
)
def test_a_credential_is_found_in_every_spelling(spelled: str) -> None:
    """In a cassette and in any other text; the variable is named."""
    kind = "the value of MY_KEY"
    assert found(text_of([recording(got={"a": spelled})]), MY_KEY=OWN) == [("interactions[0].response.body.a", kind)]
    assert found(f"first\n{spelled}\n".encode(), MY_KEY=OWN) == [("line 2", kind)]


def test_a_credential_with_a_shape_is_told_by_both() -> None:
    """The variable, and what kind of secret it is."""
    assert found(TOKEN.encode(), MY_KEY=TOKEN) == [("line 1", OPENAI), ("line 1", "the value of MY_KEY")]
    assert found(TOKEN.encode(), OTHER=OWN) == [("line 1", OPENAI)]


@pytest.mark.parametrize("value", ["short", "application/json"])
def test_a_credential_that_is_in_every_recording_is_refused(value: str) -> None:
    """It could not be told from ordinary text."""
    with pytest.raises(ValueError, match="the value of MY_KEY"):
        Scanner({"MY_KEY": value})


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param(f"a: b\nkey: {TOKEN}\n".encode(), ["line 2"], id="yaml"),
        pytest.param(f"{TOKEN}\n\n{TOKEN}".encode(), ["line 1", "line 3"], id="several"),
        pytest.param(json.dumps({"key": TOKEN}, indent=1).encode(), ["line 2"], id="other-json"),
        pytest.param(b"\xff\xfe " + TOKEN.encode(), ["line 1"], id="bytes"),
    ],
)
def test_any_other_text_is_searched_by_line(text: bytes, where: list[str]) -> None:
    """A file that is no cassette is no mistake."""
    assert Scanner({}).scan(text, "file").unread is None
    assert found(text) == [(place, OPENAI) for place in where]


def test_a_secret_over_several_lines_is_found() -> None:
    """The gate looks at the whole text, and so does the search."""
    assert found(b"first\nsecond half\n", MY_KEY="first\nsecond") == [("over several lines", "the value of MY_KEY")]


def test_a_cassette_that_cannot_be_read_is_searched_as_text() -> None:
    """The rest of a write that was cut off can hold a secret; why it cannot be read is told."""
    torn = text_of([recording()])[:-7] + b',\n    {\n      "a": "' + TOKEN.encode()
    scanned = Scanner({}).scan(torn, "torn.json")
    assert [finding.where for finding in scanned.findings] == [f"line {torn.count(bytes([10])) + 1}"]
    assert scanned.unread is not None
    assert scanned.unread.startswith("torn.json: not valid JSON at line")


def test_a_member_that_stands_twice_hides_nothing() -> None:
    """A reader takes the last of two, but the file holds both."""
    text = text_of([recording()]).replace(b'"recorded_at"', b'"recorded_at": "' + TOKEN.encode() + b'", "recorded_at"')
    assert found(text) == [("line 5", OPENAI)]
