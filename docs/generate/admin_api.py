"""The page of the admin API: its OpenAPI document in words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.generate.markdown import code, page, prose, table
from docs.generate.schemas import members, words
from runproxy.admin.openapi import document
from runproxy.admin.sessions import Wanted

_INTRODUCTION: Final = """\
What the [admin listener](../operations.md#the-admin-listener) answers to programs, by default at
`http://127.0.0.1:8788`; that page says who is let in, too. A running proxy serves all of this as an OpenAPI
3.1 document at `/api/openapi.json`; here it is as [a file](openapi.json).

Whoever is not let in gets 401 (no token, or a wrong one) or 403 (another origin or host), as [Error](#error)."""
_LEFT_OUT: Final = ("401", "403")
"""Told once for all addresses."""


def _document() -> dict[str, Any]:
    return document(Wanted.model_json_schema(ref_template="#/components/schemas/{model}"))


def openapi() -> str:
    """Write the document itself."""
    return json.dumps(_document(), indent=2) + "\n"


def admin_api() -> str:
    """Write the page."""
    found = _document()
    operations = [
        _operation(f"{method.upper()} {path}", operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    return page("Admin API", _INTRODUCTION, "## Addresses", *operations, "## Bodies", *_bodies(found))


def _operation(heading: str, operation: Mapping[str, Any]) -> str:
    asked = operation.get("requestBody")
    body = f"Body: {_content(asked)}." if asked else ""
    return "\n\n".join(
        filter(
            None,
            (
                f"### {heading}",
                prose(operation["summary"]),
                body,
                table(
                    ("parameter", "in", "value", "what it says"),
                    (
                        (code(one["name"]), one["in"], words(one["schema"]), prose(one.get("description", "")))
                        for one in operation.get("parameters", ())
                    ),
                ),
                table(
                    ("status", "body", "what it says"),
                    (
                        (status, _content(answer), prose(answer["description"]))
                        for status, answer in operation["responses"].items()
                        if status not in _LEFT_OUT
                    ),
                ),
            ),
        )
    )


def _content(held: Mapping[str, Any]) -> str:
    return " or ".join(
        words(media["schema"]) if kind == "application/json" else code(kind)
        for kind, media in held.get("content", {}).items()
    )


def _bodies(found: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in found["components"]["schemas"].items():
        said = prose(str(schema.get("description", "")))
        listed = members(schema) or f"Any {words(schema)}."
        yield "\n\n".join(filter(None, (f"### {name}", said, listed)))
