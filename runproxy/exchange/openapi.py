"""Writes a cassette as a fragment of OpenAPI 3.1: paths, and the recorded bodies as their examples.

Addresses of known endpoints stand as their templates (`/v1/threads/{thread_id}`), with the recorded ids as examples;
all others stand as they are.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from runproxy.cassettes import Interaction
from runproxy.coding import decompressed
from runproxy.exchange.addresses import reason
from runproxy.messages import Request, Response
from runproxy.routes import KNOWN, Route, RouteTable

_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
_STRING: Final[Mapping[str, str]] = {"type": "string"}
_BINARY: Final[Mapping[str, str]] = {"type": "string", "contentEncoding": "base64"}
_MEMBERS_ABOVE: Final = 12
"""How deep an example stands in the document; the printer has a limit."""


def write_openapi(interactions: Iterable[Interaction], name: str) -> tuple[bytes, list[str]]:
    """Print interactions as an OpenAPI document, and say which were left out and why."""
    table = RouteTable(KNOWN)
    paths: dict[str, dict[str, Any]] = {}
    left_out = []
    for position, interaction in enumerate(interactions):
        request = interaction.request
        if request.method not in _METHODS:
            left_out.append(f"interaction {position}: OpenAPI 3.1 has no place for its method")
            continue
        route = table.find(request.path)
        known = route if isinstance(route, Route) else None
        template = _literal(request.path) if known is None else f"{table.base_path(request.path)}{known.template}"
        operation = paths.setdefault(template, {}).setdefault(request.method.lower(), _operation(request, known))
        _add_example(operation, interaction, known, f"interaction-{position}")
    document = {
        "openapi": "3.1.0",
        "info": {"title": f"Recorded examples: {name}", "version": "1"},
        "paths": {path: _listed(operations) for path, operations in paths.items()},
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), left_out


def _operation(request: Request, route: Route | None) -> dict[str, Any]:
    """Start an operation; its parameters are kept by place and name until it is printed."""
    is_the_routes = route is not None and request.method == route.method
    return {**({"summary": route.name} if route and is_the_routes else {}), "parameters": {}, "responses": {}}


def _listed(operations: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        method: {**operation, "parameters": list(operation["parameters"].values())}
        for method, operation in operations.items()
    }


def _add_example(operation: dict[str, Any], interaction: Interaction, route: Route | None, name: str) -> None:
    request, response = interaction.request, interaction.response
    parameters = [("path", *pair) for pair in _ids(request.path, route)]
    parameters += [("query", *pair) for pair in parse_qsl(request.query, keep_blank_values=True)]
    for place, parameter, value in parameters:
        described = {"name": parameter, "in": place, "required": place == "path", "schema": _STRING, "examples": {}}
        operation["parameters"].setdefault((place, parameter), described)["examples"][name] = {"value": value}
    if request.body:
        _add_body(operation.setdefault("requestBody", {"content": {}})["content"], request, name)
    elif request.digest is not None:  # there was one, and no example can be given
        media_type = _media_type(request) or "application/octet-stream"
        content = operation.setdefault("requestBody", {"content": {}})["content"]
        content.setdefault(media_type, {"schema": dict(_BINARY), "examples": {}})
    answer = operation["responses"].setdefault(
        str(response.status), {"description": reason(response.status) or f"Status {response.status}"}
    )
    if response.body:
        _add_body(answer.setdefault("content", {}), response, name)


def _ids(path: str, route: Route | None) -> Iterable[tuple[str, str]]:
    if route is None:
        return []
    words = route.template.strip("/").split("/")
    segments = path.rsplit("/", len(words))[1:]
    return [(word[1:-1], held) for word, held in zip(words, segments, strict=True) if word.startswith("{")]


def _add_body(content: dict[str, Any], message: Request | Response, name: str) -> None:
    plain = decompressed(message.body, message.headers.get("content-encoding", ""))
    value, schema, usual_type = _example(message.body if plain is None else plain)
    media_type = _media_type(message) or usual_type
    described = content.setdefault(media_type, {"schema": dict(schema), "examples": {}})
    if described["schema"] != schema:
        described["schema"] = {}  # bodies of several kinds under one type
    described["examples"][name] = {"value": value}


def _media_type(message: Request | Response) -> str:
    return message.headers.get("content-type", "").partition(";")[0].strip().lower()


def _example(body: bytes) -> tuple[Any, Mapping[str, str], str]:
    """Give a body as an example, with the schema it has and the media type it would have."""
    with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
        value = orjson.loads(body)
        orjson.dumps(_nested(value))
        return value, {}, "application/json"
    try:
        return body.decode(), _STRING, "text/plain"
    except UnicodeDecodeError:
        return b64encode(body).decode(), _BINARY, "application/octet-stream"


def _nested(value: Any) -> Any:
    for _ in range(_MEMBERS_ABOVE):
        value = [value]
    return value


def _literal(path: str) -> str:
    return path.replace("{", "%7B").replace("}", "%7D")
