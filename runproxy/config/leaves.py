"""Every setting by its dotted path, and the config file that shows them all."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

from runproxy.config.settings import Settings
from runproxy.sections import Section

_NAME: Final = "NAME"  # stands for a name that people choose


def leaves(model: type[Section] = Settings, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """List every setting: its dotted path, its default, and what it is for; tables of tables are one setting."""
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            yield from leaves(info.annotation, f"{path}.")
        else:
            yield path, info.get_default(call_default_factory=True), info.description or ""


def fields_at(model: type[Section], place: tuple[str, ...]) -> Iterable[str]:
    """Name the settings in the table at a place; none where there is no table."""
    fields = model.model_fields
    for position, name in enumerate(place):
        below = _tables_in(fields[name].annotation) if name in fields else None
        if below is None:
            return ()
        is_named = not isinstance(fields[name].annotation, type)
        return fields_at(below, place[position + (2 if is_named else 1) :])
    return fields


def example() -> str:
    """Write a config file that names every setting with its default; tables that people name are commented out."""
    lines = ["# runproxy.toml: every setting with its default."]
    later: list[str] = []
    section = ""
    for path, default, purpose in leaves():
        head, _, name = path.rpartition(".")
        tables = tables_below(path)
        if tables:
            later += [*_commented(path, tables, purpose, is_array=default == ()), *_examples(path)]
            continue
        if head != section:
            section = head
            description = Settings.model_fields[head].description
            lines += ["", f"# {description}", f"[{head}]"]
        lines += ["", f"# {purpose}", f"{name} = {_toml(default)}"]
    return "\n".join(lines + later) + "\n"


def tables_below(path: str) -> type[Section] | None:
    """Give what the tables below a setting are made of; None for a setting that is a value."""
    model: type[Section] | None = Settings
    for name in path.split("."):
        model = _tables_in(model.model_fields[name].annotation) if model else None
    return model


def _tables_in(annotation: object) -> type[Section] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def _commented(path: str, tables: type[Section], purpose: str, *, is_array: bool) -> Iterator[str]:
    yield from ("", f"# {purpose}", f"# [[{path}]]" if is_array else f"# [{path}.{_NAME}]")
    for name, info in tables.model_fields.items():
        if _tables_in(info.annotation):
            continue
        yield from ("#", f"#   {info.description}")
        shown = info.examples[0] if info.examples else "" if info.is_required() else info.default
        yield f"# {info.alias or name} = {_toml(shown)}"


def _examples(path: str) -> Iterator[str]:
    """Print the tables that a setting of tables gives as examples, commented out."""
    parents, _, name = path.rpartition(".")
    model = tables_below(parents) if parents else Settings
    for example in (model.model_fields[name].examples or ()) if model else ():
        for table, values in example.items():
            yield from ("#", f"# [{path}.{table}]")
            yield from (f"# {field} = {_toml(value)}" for field, value in values.items())


def _toml(value: object) -> str:
    """Print a value in TOML, whose texts and lists are those of JSON."""
    return json.dumps(value, ensure_ascii=False)
