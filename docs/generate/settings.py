"""The page of settings: what the models say of each, where else it can be given, and the schema for editors."""

import json
from collections.abc import Mapping
from typing import Any, Final

from docs.generate.markdown import code, page, prose
from docs.generate.schemas import definitions, members, name_of, shown, words
from runproxy.cli.options import PLACES, flag_for
from runproxy.config import Settings

_INTRODUCTION: Final = """\
Settings come from flags, then from `RUNPROXY_*` variables, then from `runproxy.toml` (`--config FILE`, or
`RUNPROXY_CONFIG`). `runproxy config init` writes a file with all of them and their defaults, `runproxy config show`
tells which are in force and where each comes from, and `runproxy config validate` checks a file. A name that is not
listed here is refused, so that a slip is not taken for a setting.

For an editor that completes and checks TOML there is the [JSON Schema](settings.schema.json), which
`runproxy config schema` prints, too."""


def settings_schema() -> str:
    """Write the JSON Schema of the settings file."""
    return json.dumps(Settings.model_json_schema(), indent=2) + "\n"


def settings() -> str:
    """Write the page."""
    schema = Settings.model_json_schema()
    held: Mapping[str, Any] = dict(definitions(schema))
    members_of_all: Mapping[str, Any] = schema["properties"]
    plain = {name: found for name, found in members_of_all.items() if not name_of(found)}
    sections = {name: found for name, found in members_of_all.items() if name_of(found)}
    top = ["## Without a table", *(_entry(name, found) for name, found in plain.items())]
    chapters = [_section(name, found, held) for name, found in sections.items()]
    return page("Settings", _INTRODUCTION, *top, *chapters, _tables(held, sections))


def _section(name: str, found: Mapping[str, Any], held: Mapping[str, Any]) -> str:
    table = held[name_of(found)]
    entries = (_entry(f"{name}.{below}", member) for below, member in table["properties"].items())
    return "\n\n".join((f"## [{name}]", prose(found.get("description", table["description"])), *entries))


def _entry(place: str, member: Mapping[str, Any]) -> str:
    """Describe one setting: its heading is its dotted path, so that it can be linked to."""
    default = member.get("default")
    facts = [f"Value: {words(member)}", f"default: {shown(default)}" if default is not None else ""]
    if flag := flag_for(place):
        variable = code(f"RUNPROXY_{_name_of_flag(place).upper()}")
        facts.append(f"flag: {code(flag)}, or {variable} in the environment")
    return f"### {place}\n\n{prose(member['description'])}\n\n{'; '.join(filter(None, facts))}."


def _name_of_flag(place: str) -> str:
    return next(flag for flag, found in PLACES.items() if found == place)


def _tables(held: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """Describe the tables that people name, or of which there may be several."""
    taken = {name_of(found) for found in sections.values()}
    parts = [
        f"### {name}\n\n{prose(found['description'])}\n\n{members(found)}"
        for name, found in held.items()
        if name not in taken
    ]
    return "\n\n".join(("## Tables inside", *parts))
