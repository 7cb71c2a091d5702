"""Calls made of an OpenAPI document: each operation with what it demands, and with all that it takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Extent = Literal["demanded", "first", "last"]
"""Only what is demanded; or all, and of several choices the first or the last that is not just null."""

_NULL: Mapping[str, Any] = {"type": "null"}
EXTENTS: tuple[Extent, ...] = ("demanded", "first", "last")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation; `body` is a value for JSON, or None for no body."""

    operation: str
    method: str
    target: str
    body: Any = None


def operations(document: Mapping[str, Any]) -> list[str]:
    """Name the operations of a document in its order."""
    return [operation["operationId"] for _, _, operation in _operations(document)]


def calls(document: Mapping[str, Any]) -> list[Call]:
    """Make the calls of a document in its order, those of one operation that are alike once."""
    made: list[Call] = []
    for method, path, operation in _operations(document):
        for extent in EXTENTS:
            call = _call(Examples(document, extent), method, path, operation)
            if call not in made:
                made.append(call)
    return made


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, members in document["paths"].items():
        yield from ((method, path, members[method]) for method in METHODS if method in members)


def _call(examples: "Examples", method: str, path: str, operation: Mapping[str, Any]) -> Call:
    query = {}
    for parameter in map(examples.resolved, operation.get("parameters", ())):
        name = parameter["name"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", f"{name.removesuffix('_id')}_abc123")
        elif parameter["in"] == "query" and (examples.are_full or parameter.get("required")):
            query[name] = examples.of(parameter["schema"])
    body = None
    described = examples.resolved(operation.get("requestBody", {}))
    if described.get("required") or (described and examples.are_full):
        body = examples.of(described["content"]["application/json"]["schema"])
    target = f"{path}?{urlencode(query, doseq=True)}" if query else path
    return Call(operation["operationId"], method.upper(), target, body)


class Examples:
    """Makes values of the schemas of a document, of some extent."""

    def __init__(self, document: Mapping[str, Any], extent: Extent) -> None:
        self._document = document
        self._pick = -1 if extent == "last" else 0
        self.are_full = extent != "demanded"

    def resolved(self, described: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a reference within the document."""
        while "$ref" in described:
            found: Any = self._document
            for step in described["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            described = found
        return described

    def of(self, schema: Mapping[str, Any]) -> Any:
        """Make a value of a schema: its example, or one that it allows."""
        schema = self.resolved(schema)
        if "example" in schema:
            return schema["example"]
        if "enum" in schema:
            return schema["enum"][self._pick]
        if "allOf" in schema:  # the others of an `allOf` in this API's document only say `nullable`
            return self.of(schema["allOf"][0])
        if choices := [choice for choice in schema.get("oneOf", schema.get("anyOf", ())) if choice != _NULL]:
            chosen = choices[self._pick]
            return self._object(_narrowed(schema, choices, chosen)) if "properties" in schema else self.of(chosen)
        return self._plain(schema)

    def _plain(self, schema: Mapping[str, Any]) -> Any:
        match schema.get("type", "object"):
            case "object":
                return self._object(schema)
            case "array":
                return [self.of(schema["items"])]
            case "string":
                return "https://example.com/" if schema.get("format") == "uri" else "any text"
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return False
            case unknown:
                raise ValueError(f"no value can be made of type {unknown!r}")

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        members = schema.get("properties", {})
        found = {name: self.of(members[name]) for name in (members if self.are_full else schema.get("required", ()))}
        others = schema.get("additionalProperties")
        return {**found, "any_name": self.of(others)} if isinstance(others, Mapping) else found


def _narrowed(
    schema: Mapping[str, Any], choices: list[Mapping[str, Any]], chosen: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Narrow an object, whose choices differ in what they demand, down to one of them."""
    demanded = set(chosen.get("required", ()))
    left_out = {name for choice in choices for name in choice.get("required", ())} - demanded
    members = {name: member for name, member in schema["properties"].items() if name not in left_out}
    return {**schema, "properties": members, "required": [*schema.get("required", ()), *sorted(demanded)]}
