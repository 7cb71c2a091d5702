"""The JSON Schema of cassettes: it takes what runproxy writes, and refuses what runproxy cannot read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from runproxy.cassettes import FORMAT, Interaction, decode
from runproxy.cassettes.layout import EMPTY
from runproxy.cassettes.schema import DIALECT, make_schema
from runproxy.errors import CassetteError
from runproxy.messages import Digest
from tests.cassettes.recordings import cassettes, recording, text_of

CODED = replace(recording(), response=replace(recording(got={"a": 1}).response, coding="zstd"))
QUICKSTART = (Path(__file__).parents[2] / "cassettes" / "quickstart.json").read_bytes()
VALIDATOR = Draft202012Validator(make_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_it_is_a_schema_with_a_name() -> None:
    """It is valid in its dialect, and carries an id, a title, and the version of the format."""
    schema = make_schema()
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"], schema["title"]) == (
        DIALECT,
        "urn:runproxy:cassette:1",
        "runproxy cassette",
    )
    assert schema["properties"]["format"]["const"] == FORMAT


def test_everything_is_described() -> None:
    """Every kind of object and every member of the outermost ones says what it is."""
    schema = make_schema()
    assert all(held["description"] for held in [schema, *schema["$defs"].values()])
    assert all(held["description"] for held in schema["properties"].values())


@given(cassettes)
def test_what_runproxy_writes_is_valid(held: list[Interaction]) -> None:
    """Whatever was recorded."""
    VALIDATOR.validate(json.loads(text_of(held)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(QUICKSTART, id="quickstart"),
        pytest.param(EMPTY, id="empty"),
        pytest.param(text_of([recording(got=b"\xff\xfe")]), id="bytes"),
        pytest.param(text_of([recording(got=b"two\nlines")]), id="text"),
        pytest.param(text_of([recording(got=b"null")]), id="null"),
        pytest.param(text_of([recording(status=204)]), id="no-content"),
        pytest.param(text_of([CODED]), id="coded"),
        pytest.param(text_of([recording(sent=Digest("0" * 64, 1))]), id="digest"),
        pytest.param(text_of([recording("/v1/a?x=1", got=b'{\n    "a": 1\n}\n', sent={})]), id="style"),
    ],
)
def test_every_kind_of_body_is_valid(text: bytes) -> None:
    """In the forms that runproxy stores them in."""
    VALIDATOR.validate(json.loads(text))


def quickstart(change: dict[str, Any], *steps: str | int) -> dict[str, Any]:
    """Give the quickstart cassette with members changed somewhere."""
    document: dict[str, Any] = json.loads(QUICKSTART)
    place: Any = document
    for step in steps:
        place = place[step]
    place.update(change)
    return document


FIRST = ("interactions", 0)
DIGEST = {"sha256": "0" * 64, "length": 1}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(quickstart({"format": "runproxy/2"}), id="format"),
        pytest.param(quickstart({"more": 1}), id="more"),
        pytest.param(quickstart({"interactions": {}}), id="no-list"),
        pytest.param(quickstart({"recorded_at": "today"}, *FIRST), id="date"),
        pytest.param(quickstart({"recorded_at": 1700000000}, *FIRST), id="seconds"),
        pytest.param(quickstart({"recorded_at": "1700000000"}, *FIRST), id="seconds-as-text"),
        pytest.param(quickstart({"elapsed_ms": -1}, *FIRST), id="elapsed"),
        pytest.param(quickstart({"elapsed_ms": "74"}, *FIRST), id="elapsed-as-text"),
        pytest.param(quickstart({"status": "200"}, *FIRST, "response"), id="status-as-text"),
        pytest.param(quickstart({"request": {}}, *FIRST), id="no-method"),
        pytest.param(quickstart({"method": "A B"}, *FIRST, "request"), id="method"),
        pytest.param(quickstart({"path": "v1"}, *FIRST, "request"), id="path"),
        pytest.param(quickstart({"query": "a b"}, *FIRST, "request"), id="query"),
        pytest.param(quickstart({"headers": [["a"]]}, *FIRST, "request"), id="half-a-header"),
        pytest.param(quickstart({"headers": [["a b", "c"]]}, *FIRST, "request"), id="header-name"),
        pytest.param(quickstart({"headers": [["a", "b\r\nc"]]}, *FIRST, "response"), id="header-value"),
        pytest.param(quickstart({"status": 99}, *FIRST, "response"), id="status"),
        pytest.param(quickstart({"status": 204}, *FIRST, "response"), id="body-without-content"),
        pytest.param(quickstart({"body": {}}, *FIRST, "response"), id="no-body"),
        pytest.param(quickstart({"body": DIGEST}, *FIRST, "response"), id="digest-of-an-answer"),
        pytest.param(quickstart({"body": {**DIGEST, "text": ""}}, *FIRST, "request"), id="digest-and-text"),
        pytest.param(quickstart({"body": {"sha256": "0" * 64}}, *FIRST, "request"), id="digest-without-length"),
        pytest.param(quickstart({"body": {"text": "", "length": 1}}, *FIRST, "request"), id="length-of-text"),
        pytest.param(quickstart({"body": {**DIGEST, "sha256": "0"}}, *FIRST, "request"), id="digest-of-another-length"),
        pytest.param(quickstart({"body": {**DIGEST, "length": 0}}, *FIRST, "request"), id="digest-of-nothing"),
        pytest.param(quickstart({"text": ""}, *FIRST, "response", "body"), id="two-bodies"),
        pytest.param(quickstart({"style": "odd"}, *FIRST, "response", "body"), id="style"),
        pytest.param(quickstart({"coding": "odd"}, *FIRST, "response", "body"), id="coding"),
        pytest.param(quickstart({"coding": "gzip"}, *FIRST, "request", "body"), id="coding-of-a-request"),
        pytest.param(quickstart({"body": {"text": "", "style": "compact"}}, *FIRST, "response"), id="style-of-text"),
    ],
)
def test_what_is_not_valid_cannot_be_read_either(document: dict[str, Any]) -> None:
    """The schema and the reader agree on what is wrong."""
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(CassetteError):
        decode(json.dumps(document).encode(), "changed.json")
