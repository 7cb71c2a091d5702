"""The page of the cassette format: its schema in words. What it means stands in docs/cassettes.md."""

import json
from typing import Final

from docs.generate.markdown import page, prose
from docs.generate.schemas import definitions, members
from runproxy.cassettes.schema import make_schema

_INTRODUCTION: Final = """\
What may stand in a cassette, member by member; [Cassettes](../cassettes.md#the-format) shows one and says what it
means. Any other member is refused. The same as [JSON Schema](cassette.schema.json) (2020-12), for editors:
`runproxy cassette schema` prints it."""


def cassette_schema() -> str:
    """Write the JSON Schema of cassettes."""
    return json.dumps(make_schema(), indent=2) + "\n"


def cassette() -> str:
    """Write the page."""
    schema = make_schema()
    parts = [
        f"## {name}\n\n{prose(str(found.get('description', '')))}\n\n{members(found)}"
        for name, found in definitions(schema)
    ]
    return page("Cassette format", _INTRODUCTION, f"## Cassette\n\n{members(schema)}", *parts)
