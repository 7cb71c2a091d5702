"""Where each setting in force comes from."""

import os
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from runproxy.cli.options import PLACES
from runproxy.config import find_file, leaves, make_settings, read_file, tables_below
from runproxy.sections import merge


def with_sources(config_path: str | None) -> Iterator[tuple[str, Any, str]]:
    """List path, value and source of every setting, as a server started here would have them."""
    path = find_file(config_path)
    from_file = read_file(path) if path else {}
    if path:
        make_settings(from_file, str(path))
    variables = {place: f"RUNPROXY_{flag.upper()}" for flag, place in PLACES.items()}
    from_environment: dict[str, Any] = {}
    for place, variable in variables.items():
        if os.environ.get(variable):
            nested: Any = os.environ[variable]
            for part in reversed(place.split(".")):
                nested = {part: nested}
            from_environment = merge(from_environment, nested)
    merged = merge(from_file, from_environment)
    settings = make_settings(merged, "environment", variables.get).model_dump()
    for place, _, _ in leaves():
        source = "default"
        if _has(from_environment, place):
            source = variables[place]
        elif _has(from_file, place):
            source = str(path)
        shown = merged if tables_below(place) and source != "default" else settings  # tables as they were written
        yield place, reduce(lambda held, part: held[part], place.split("."), shown), source


def _has(values: Mapping[str, Any], place: str) -> bool:
    held: Any = values
    for part in place.split("."):
        if not isinstance(held, Mapping) or part not in held:
            return False
        held = held[part]
    return True
