"""Exported OpenAPI: valid, with templates where an endpoint is known and every recorded body as an example."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from runproxy.cassettes import Interaction
from runproxy.exchange.openapi import write_openapi
from tests.exchange.cassettes import INTERACTIONS, made


def exported(*interactions: Interaction) -> dict[str, Any]:
    """Export interactions, and give the document."""
    text, left_out = write_openapi(interactions, "held")
    assert left_out == []
    document: dict[str, Any] = json.loads(text)
    return document


def test_a_modify_run_and_its_answers() -> None:
    """Calls of one endpoint share an operation; ids, queries and bodies are examples named by their position."""
    document = exported(
        made(b'{"metadata":{"a":"1"}}', b'{"id":"r1"}', target="/v1/threads/t1/runs/r1?order=asc"),
        made(b'{"metadata":null}', b'{"error":{}}', target="/v1/threads/t2/runs/r2", status=404),
        made(target="/v1/threads/t1/runs/r1", method="GET", answer=b"{}"),
    )
    assert list(document["paths"]) == ["/v1/threads/{thread_id}/runs/{run_id}"]
    path = document["paths"]["/v1/threads/{thread_id}/runs/{run_id}"]
    assert list(path) == ["post", "get"]
    assert path["post"]["summary"] == "modify_run"
    assert [
        (
            parameter["in"],
            parameter["name"],
            parameter["required"],
            {name: example["value"] for name, example in parameter["examples"].items()},
        )
        for parameter in path["post"]["parameters"]
    ] == [
        ("path", "thread_id", True, {"interaction-0": "t1", "interaction-1": "t2"}),
        ("path", "run_id", True, {"interaction-0": "r1", "interaction-1": "r2"}),
        ("query", "order", False, {"interaction-0": "asc"}),
    ]
    assert path["post"]["requestBody"]["content"]["application/json"]["examples"] == {
        "interaction-0": {"value": {"metadata": {"a": "1"}}},
        "interaction-1": {"value": {"metadata": None}},
    }
    answers = path["post"]["responses"]
    assert {status: answer["description"] for status, answer in answers.items()} == {"200": "OK", "404": "Not Found"}
    assert answers["404"]["content"]["application/json"]["examples"] == {"interaction-1": {"value": {"error": {}}}}
    assert "summary" not in path["get"]
    assert "requestBody" not in path["get"]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        pytest.param("/v1/threads/runs", "/v1/threads/runs", id="fixed-words"),
        pytest.param("/openai/threads/t", "/openai/threads/{thread_id}", id="another-prefix"),
        pytest.param("/threads/t/messages/m", "/threads/{thread_id}/messages/{message_id}", id="no-prefix"),
        pytest.param("/v1/models?a=b", "/v1/models", id="not-known"),
        pytest.param("/v1/threads/a%2Fb", "/v1/threads/a%2Fb", id="no-id"),
        pytest.param("/v1/{x}", "/v1/%7Bx%7D", id="braces"),
        pytest.param("/", "/", id="root"),
    ],
)
def test_the_path_of_a_call(target: str, path: str) -> None:
    """A known endpoint is its template below its prefix; any other path stands as it is."""
    assert list(exported(made(target=target))["paths"]) == [path]


@pytest.mark.parametrize(
    ("body", "headers", "content"),
    [
        pytest.param(
            b"{}", {}, {"application/json": {"schema": {}, "examples": {"interaction-0": {"value": {}}}}}, id="json"
        ),
        pytest.param(
            b"{}",
            {"content-type": "Application/Problem+JSON; a=b"},
            {"application/problem+json": {"schema": {}, "examples": {"interaction-0": {"value": {}}}}},
            id="media-type",
        ),
        pytest.param(
            "né".encode(),
            {},
            {"text/plain": {"schema": {"type": "string"}, "examples": {"interaction-0": {"value": "né"}}}},
            id="text",
        ),
        pytest.param(
            b"\xff\xfe\xfd",
            {},
            {
                "application/octet-stream": {
                    "schema": {"type": "string", "contentEncoding": "base64"},
                    "examples": {"interaction-0": {"value": "//79"}},
                }
            },
            id="binary",
        ),
    ],
)
def test_every_kind_of_body(body: bytes, headers: dict[str, str], content: dict[str, Any]) -> None:
    """JSON stands as JSON, text as text, and bytes in base64."""
    document = exported(made(answer=body, headers=headers))
    assert document["paths"]["/v1/x"]["post"]["responses"]["200"]["content"] == content


def test_a_body_too_deep_to_print_as_json_is_text() -> None:
    """An example that the printer cannot nest stands as the text it is."""
    body = b"[" * 250 + b"]" * 250
    content = exported(made(answer=body))["paths"]["/v1/x"]["post"]["responses"]["200"]["content"]
    assert content["text/plain"]["examples"]["interaction-0"]["value"] == body.decode()


def test_bodies_of_two_kinds_under_one_type_have_no_schema() -> None:
    """The schema of the one would not hold for the other."""
    document = exported(
        made(answer=b"{}", headers={"content-type": "a/b"}), made(answer=b"x", headers={"content-type": "a/b"})
    )
    described = document["paths"]["/v1/x"]["post"]["responses"]["200"]["content"]["a/b"]
    assert described["schema"] == {}
    assert list(described["examples"]) == ["interaction-0", "interaction-1"]


def test_a_method_without_a_place_is_left_out() -> None:
    """OpenAPI 3.1 knows eight methods; another one is told."""
    text, left_out = write_openapi([made(method="PURGE"), made()], "held")
    assert left_out == ["interaction 0: OpenAPI 3.1 has no place for its method"]
    assert list(json.loads(text)["paths"]["/v1/x"]) == ["post"]


@settings(max_examples=40, deadline=None)
@given(st.lists(INTERACTIONS, max_size=4))
def test_an_export_is_valid(interactions: list[Interaction]) -> None:
    """Whatever a cassette holds, the document keeps the schema of OpenAPI 3.1."""
    OpenAPIV31SpecValidator(exported(*interactions)).validate()
