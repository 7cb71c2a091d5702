"""JSON Schema in words: what a value may be, and the members of an object as a table."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.generate.markdown import code, prose, table

Schema = Mapping[str, Any]
_KINDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "object",
    "array": "list",
    "null": "`null`",
}


def name_of(schema: Schema) -> str:
    """Give the name of the definition that a schema refers to, or nothing."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def words(schema: Schema) -> str:
    """Say in a few words what a value may be."""
    if name := name_of(schema):
        return f"[{name}](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return "one of " * ("enum" in schema) + ", ".join(map(shown, schema.get("enum", [schema.get("const")])))
    for joint in ("anyOf", "oneOf"):
        if kinds := [words(kind) for kind in schema.get(joint, ()) if kind.keys() != {"required"}]:
            return " or ".join(kinds)
    kinds = schema.get("type", ())
    if isinstance(kinds, list):
        return " or ".join(_KINDS[kind] for kind in kinds)
    return {"array": _list, "object": _object}.get(kinds, _plain)(schema)


def shown(value: object) -> str:
    """Show a value as JSON and TOML write it."""
    return code(json.dumps(value, ensure_ascii=False))


def members(schema: Schema) -> str:
    """List the members of an object: which must be there, what they may be, and what they say."""
    asked = schema.get("required", ())
    return table(
        ("member", "value", "", "what it says"),
        (
            (code(name), words(member), "required" if name in asked else _default(member), prose(_purpose(member)))
            for name, member in schema.get("properties", {}).items()
        ),
    )


def definitions(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """List what a schema refers to by name, in the order of its definitions."""
    yield from schema.get("$defs", {}).items()


def _purpose(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, "", [], {}) else f"default {shown(default)}"


def _list(schema: Schema) -> str:
    if parts := schema.get("prefixItems"):
        return f"list of {len(parts)}: {', '.join(words(part) for part in parts)}"
    items = schema.get("items", {})
    return f"list, each {words(items)}" if items else "list"


def _object(schema: Schema) -> str:
    values = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
    if isinstance(values, Mapping):
        return f"table, each {words(values)}"
    if named := schema.get("properties"):
        return f"object with {', '.join(map(code, named))}"
    return "object"


def _plain(schema: Schema) -> str:
    kind = _KINDS.get(str(schema.get("type", "")), "any value")
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{kind} from {least} to {most}"
    if least is not None:
        return f"{kind}, at least {least}"
    if "exclusiveMinimum" in schema:
        return f"{kind} above {schema['exclusiveMinimum']}"
    if pattern := schema.get("pattern"):
        return f"{kind} like {code(pattern)}"
    return f"{kind} in {schema['format']}" if "format" in schema else kind
