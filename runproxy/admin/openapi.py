"""The OpenAPI document of the admin API, which the admin listener serves itself."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from runproxy import __version__
from runproxy.admin.answers import as_json

_Operation = Mapping[str, Any]
PATH: Final = "/api/openapi.json"


def add_openapi(app: web.Application, wanted: type[Any]) -> None:
    """Add `GET /api/openapi.json`; `wanted` is the model of what a session is asked for."""

    async def openapi(_: web.Request) -> web.Response:
        # Made when it is asked for: the schema takes longer than the rest of a start.
        return as_json(document(wanted.model_json_schema(ref_template="#/components/schemas/{model}")))

    app.router.add_get(PATH, openapi)


def document(session_wanted: dict[str, Any]) -> dict[str, Any]:
    """Give the document; `session_wanted` is the JSON Schema of the body that starts a session."""
    definitions = session_wanted.pop("$defs", {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "runproxy admin API",
            "version": __version__,
            "description": "Health, figures, sessions, verdicts and audit of a proxy. Off loopback it needs a token.",
        },
        "paths": {**_PROCESS, **_SESSIONS, **_VERDICTS, **_AUDIT},
        "components": {
            "schemas": {**definitions, "SessionWanted": session_wanted, **_SCHEMAS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(name: str, summary: str, responses: Mapping[str, Any], **more: Any) -> _Operation:
    return {"operationId": name, "summary": summary, "responses": {**responses, "401": _ERROR, "403": _ERROR}, **more}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(what: str, schema: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": _ref(schema)}}}


def _text(kind: str) -> dict[str, Any]:
    return {"description": "They.", "content": {kind: {"schema": {"type": "string"}}}}


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members)}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


_STRING: Final = {"type": "string"}
_INTEGER: Final = {"type": "integer"}
_OBJECTS: Final = {"type": "array", "items": {"type": "object"}}
_COUNTS: Final = {"type": "object", "additionalProperties": {"type": "integer"}}
_ERROR: Final = _answer("Why not.", "Error")
_SCHEMAS: Final = {
    "Anything": {"type": "object"},
    "Text": _STRING,
    "Error": _object(error=_STRING),
    "Status": {"type": "object", "properties": {"status": _STRING, "reason": _STRING}, "required": ["status"]},
    "Reload": {"type": "object", "properties": {"reloaded": {"type": "boolean"}}, "required": ["reloaded"]},
    "Session": _object(id=_STRING, base_url=_STRING, cassette=_STRING, mode=_STRING, calls=_COUNTS),
    "Sessions": _object(sessions=_list_of("Session")),
    "SessionReport": _object(
        session=_STRING,
        cassette=_STRING,
        mode=_STRING,
        calls=_COUNTS,
        missed={"type": "array", "items": _object(method=_STRING, path=_STRING, reason=_STRING)},
        interactions={"type": "integer"},
        unused={"type": "array", "items": {"type": "integer"}},
        usage={"type": "object"},
    ),
    "Miss": _object(id=_STRING, message=_STRING),
    "Misses": _object(misses=_list_of("Miss")),
    "Hit": _object(call=_STRING, interaction=_STRING, recorded_at=_STRING, because=_STRING),
    "Hits": _object(hits=_list_of("Hit")),
    "FailedCall": _object(id=_STRING, at=_STRING, code=_STRING, message=_STRING),
    "Errors": _object(errors=_list_of("FailedCall")),
    "AuditSummary": _object(
        calls=_INTEGER, decisions=_COUNTS, outcomes=_COUNTS, teams=_INTEGER, keys=_INTEGER, violations=_INTEGER
    ),
    "AuditRows": _object(rows=_OBJECTS),
    "AuditCalls": _object(calls=_OBJECTS, next={"type": ["string", "null"]}),
    "Drift": _object(drift={"type": "array", "items": {"type": "object"}}),
}
_BY_ID: Final = {"name": "id", "in": "path", "required": True, "schema": _STRING}
_PROCESS: Final = {
    "/healthz": {"get": _operation("health", "Whether the process answers.", {"200": _answer("It does.", "Status")})},
    "/readyz": {
        "get": _operation(
            "readiness",
            "Whether calls can be answered as the mode promises.",
            {"200": _answer("They can.", "Status"), "503": _answer("They cannot; why.", "Status")},
        )
    },
    "/metrics": {"get": _operation("metrics", "Figures for Prometheus.", {"200": _text("text/plain")})},
    PATH: {"get": _operation("openapi", "This document.", {"200": _answer("It.", "Anything")})},
    "/api/status": {"get": _operation("status", "Mode, rules and counts.", {"200": _answer("They.", "Anything")})},
    "/api/reload": {
        "post": _operation(
            "reload",
            "Read the rules anew.",
            {"200": _answer("They are in force.", "Reload"), "422": _answer("They stay as they were.", "Reload")},
        )
    },
}
_SESSIONS: Final = {
    "/api/sessions": {
        "get": _operation("sessions", "Those that are running.", {"200": _answer("They.", "Sessions")}),
        "post": _operation(
            "start_session",
            "Start a session: a base URL of its own, with a cursor of its own.",
            {"201": _answer("The session.", "Session"), "400": _ERROR, "422": _ERROR},
            requestBody={"required": True, "content": {"application/json": {"schema": _ref("SessionWanted")}}},
        ),
    },
    "/api/sessions/{id}": {
        "delete": _operation(
            "end_session",
            "End a session.",
            {"200": _answer("What became of its calls.", "SessionReport"), "404": _ERROR},
            parameters=[_BY_ID],
        )
    },
}
_VERDICTS: Final = {
    "/api/misses": {"get": _operation("misses", "The latest first.", {"200": _answer("They.", "Misses")})},
    "/api/misses/{id}": {
        "get": _operation("miss", "One miss.", {"200": _answer("It.", "Miss"), "404": _ERROR}, parameters=[_BY_ID])
    },
    "/api/hits": {"get": _operation("hits", "The latest first.", {"200": _answer("They.", "Hits")})},
    "/api/errors": {
        "get": _operation("errors", "Calls that were refused or failed.", {"200": _answer("They.", "Errors")})
    },
    "/api/drift": {"get": _operation("drift", "What mode verify found.", {"200": _answer("It.", "Drift")})},
}


def _part(name: str, what: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": what, "schema": {**_STRING, **schema}}


_FILTER: Final = [
    _part("since", "A span such as 7d, which is so long ago, or a time in ISO 8601."),
    _part("until", "The same; calls before it."),
    _part("team", "A team; - for callers of no known one."),
    _part("key", "A key that calls carry."),
    _part("decision", "What was decided.", enum=["accepted", "warned", "refused"]),
    _part("route", "The name of a route."),
    _part("about", "The id of a request, a thread or a run."),
    _part("rule", "The code of a rule that was broken; with :refused or :warned behind it for what that did."),
    _part("near", "A limit of the API that was nearly reached: pairs, key, value, or value:KEY."),
    {"name": "where", "in": "query", "description": "KEY=VALUE, any number of times.", "schema": _list_of("Text")},
]
_LIMIT: Final = _part("limit", "How many, from 1 to 500.", type="integer", minimum=1, maximum=500, default=100)
_UNANSWERED: Final = {"400": _ERROR, "404": {"description": "There is no audit here."}, "503": _ERROR}


def _question(name: str, summary: str, answer: Mapping[str, Any], *more: Mapping[str, Any]) -> Mapping[str, Any]:
    operation = _operation(f"audit_{name}", summary, {"200": answer, **_UNANSWERED}, parameters=[*_FILTER, *more])
    return {"get": operation}


def _table(name: str, summary: str, *more: Mapping[str, Any]) -> Mapping[str, Any]:
    held = {**_answer("The rows.", "AuditRows")["content"], **_text("text/csv")["content"]}
    form = _part("format", "How they are written.", enum=["json", "csv"], default="json")
    return _question(name, summary, {"description": "The rows.", "content": held}, form, *more)


_EXPORTED: Final = {
    "description": "All calls, the oldest first, as they are read.",
    "content": {**_text("application/jsonl")["content"], **_text("text/csv")["content"]},
}
_AUDIT: Final = {
    "/api/audit/summary": _question("summary", "All calls in figures.", _answer("They.", "AuditSummary")),
    "/api/audit/keys": _table("keys", "The keys that calls carry."),
    "/api/audit/values": _table("values", "The values of a key, which must be named.", _LIMIT),
    "/api/audit/teams": _table("teams", "The teams and their calls."),
    "/api/audit/violations": _table("violations", "The rules that were broken, by team."),
    "/api/audit/coverage": _table("coverage", "How many of a team's calls carry a key."),
    "/api/audit/nearness": _table("nearness", "Who comes near the limits of the API."),
    "/api/audit/new-keys": _table("new_keys", "The keys that were first seen in the time asked about."),
    "/api/audit/search": _question(
        "search",
        "The latest calls, the latest first.",
        _answer("They, and the cursor behind which there are more.", "AuditCalls"),
        _LIMIT,
        _part("cursor", "Where another answer has ended."),
    ),
    "/api/audit/export": _question(
        "export",
        "All calls, as a stream.",
        _EXPORTED,
        _part("format", "How they are written.", enum=["jsonl", "csv"], default="jsonl"),
    ),
}
