"""`runproxy audit keys`, `values` and `new-keys`: what is written."""

from typing import Any, Final

import click

from runproxy.cli.audit.asking import asking, filter_options, format_option
from runproxy.cli.audit.tables import Column, report
from runproxy.cli.group import say

_KEYS: Final = (
    Column("key", "key"),
    Column("calls", "calls", "number"),
    Column("teams", "teams", "number"),
    Column("longest value", "longest", "number"),
    Column("near 512", "near", "number"),
    Column("first seen", "first", "time"),
    Column("last seen", "last", "day"),
)
_VALUES: Final = (
    Column("value", "value"),
    Column("kept", "form"),
    Column("times", "times", "number"),
    Column("teams", "teams", "number"),
    Column("first seen", "first", "time"),
    Column("last seen", "last", "time"),
)
_NEW_KEYS: Final = (
    Column("key", "key"),
    Column("first seen", "first", "time"),
    Column("by team", "team", "team"),
    Column("teams", "teams", "number"),
    Column("calls", "calls", "number"),
    Column("values", "distinct", "number"),
    Column("look like", "looks_like"),
)
_NEW_SINCE: Final = "7d"


@click.command()
@filter_options
@format_option
def keys(*, form: str, **options: Any) -> None:
    """List the keys that are written, those of most calls first.

    \b
    Example:
      runproxy audit keys --team search --since 7d
    """
    from runproxy.audit.report import KeyRow, keys

    with asking(options) as asked:
        rows = keys(asked.connection, asked.filter)
    report(rows, KeyRow, _KEYS, form)


@click.command()
@click.argument("name", metavar="KEY")
@filter_options
@format_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many values to list.")
def values(*, name: str, form: str, limit: int, **options: Any) -> None:
    """List the values of a key, those that were written most often first.

    \b
    Example:
      runproxy audit values cost_center
    """
    from runproxy.audit.report import ValueRow, distinct_values, values

    with asking({**options, "key": name}) as asked:
        rows = values(asked.connection, asked.filter, name, limit)
        many = distinct_values(asked.connection, asked.filter, name) if len(rows) == limit else len(rows)
    report(rows, ValueRow, _VALUES, form)
    if many > len(rows):
        say(f"{many - len(rows):,} more values: --limit {many}")


@click.command("new-keys")
@filter_options
@format_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many keys to list.")
def new_keys(*, form: str, limit: int, **options: Any) -> None:
    """List the keys that nobody wrote before, or no call of --team; those of the last 7 days unless --since is given.

    \b
    Example:
      runproxy audit new-keys --since 24h
    """
    from runproxy.audit.report import NewKeyRow, new_keys

    with asking(options, since=_NEW_SINCE) as asked:
        rows = new_keys(asked.connection, asked.filter, limit)
    report(rows, NewKeyRow, _NEW_KEYS, form)
