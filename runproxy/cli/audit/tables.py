"""Rows for people and for programs: a table on a terminal, JSON, JSON lines or CSV."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from runproxy.cli.output import on_one_line

if TYPE_CHECKING:  # rich is only loaded where a table is printed
    from rich.table import Table

NO_TEAM: Final = "(unknown)"
_SHOWN_CHARS: Final = 60

Kind = Literal["text", "number", "time", "day", "team"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, the name of what stands in it, and how that is shown."""

    head: str
    name: str
    kind: Kind = "text"


def render(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], form: str, fields: Sequence[str]) -> None:
    """Print rows: `columns` of them as a table, or all `fields` in another form."""
    from runproxy.audit.export import csv_lines, json_line

    match form:
        case "json":
            print_json([{name: row.get(name) for name in fields} for row in rows])
        case "jsonl":
            for row in rows:
                click.echo(json_line({name: row.get(name) for name in fields}), nl=False)
        case "csv":
            for line in csv_lines(rows, fields):
                click.echo(line, nl=False)
        case _:
            print_table(rows, columns)


def report(rows: Sequence[Any], kind: type, columns: Sequence[Column], form: str) -> None:
    """Print the rows of a report, all of a `kind`."""
    from runproxy.audit.export import as_record, fields_of

    render([as_record(row) for row in rows], columns, form, fields_of(kind))


def print_json(value: object) -> None:
    """Print a value as JSON that a person can read."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    """Print rows as a table; without any, say so on stderr."""
    from runproxy.cli.group import say
    from runproxy.cli.output import plain_console

    if not rows:
        say("Nothing of that kind.")
        return
    table = new_table()
    for column in columns:
        table.add_column(column.head, justify="right" if column.kind == "number" else "left")
    for row in rows:
        table.add_row(*(shown(row.get(column.name), column.kind) for column in columns))
    plain_console().print(table)


def new_table() -> "Table":
    """Make an empty table as they look here."""
    from rich.table import Table

    return Table(box=None, pad_edge=False, header_style="bold")


def shown(value: object, kind: Kind = "text") -> str:
    """Give a value as it stands in a table: on one line, of bounded length, and obeyed by no terminal."""
    make: Mapping[str, Callable[[Any], str]] = {
        "number": lambda number: f"{number:,}",
        "time": lambda text: text[:19].replace("T", " "),
        "day": lambda text: text[:10],
        "team": lambda name: on_one_line(name) or NO_TEAM,
        "text": lambda text: clipped(on_one_line(str(text))),
    }
    return "" if value is None else make[kind](value)


def clipped(text: str) -> str:
    """Cut a long text."""
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
