"""`runproxy audit search`, `tail` and `export`: single calls."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from runproxy.cli.audit.asking import FORMATS, asking, filter_of, filter_options, format_option, opened
from runproxy.cli.audit.progress import bar
from runproxy.cli.audit.tables import NO_TEAM, Column, clipped, print_table
from runproxy.cli.group import say
from runproxy.cli.output import on_one_line

if TYPE_CHECKING:
    from runproxy.audit.filters import Filter
    from runproxy.audit.reading import LoggedCall
    from runproxy.audit.store import AuditStore

_CALLS: Final = (
    Column("time (UTC)", "time", "time"),
    Column("team", "team", "team"),
    Column("decision", "decision"),
    Column("status", "status"),
    Column("outcome", "outcome"),
    Column("route", "route"),
    Column("metadata", "metadata"),
    Column("request", "request_id"),
)
_POLL_S: Final = 0.5
_PARQUET: Final = "parquet"


@click.command()
@filter_options
@format_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many calls to list.")
@click.option("--before", metavar="CURSOR", help="Go on where another search has ended.")
def search(*, form: str, limit: int, before: str | None, **options: Any) -> None:
    """List calls, the latest first.

    \b
    Example:
      runproxy audit search --team search --where env=production --since 24h
      runproxy audit search --decision refused --format json
    """
    from runproxy.audit.reading import Cursor, find_calls

    with asking(options) as asked:
        calls = find_calls(asked.connection, asked.filter, limit, Cursor.parse(before) if before else None)
    _print(calls, form)
    if len(calls) == limit:
        say(f"There may be more: --before {calls[-1].cursor}")


@click.command()
@filter_options
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=10, show_default=True, help="How many calls to begin with."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with calls as they are made, until Ctrl-C.")
@format_option
def tail(*, lines: int, follow: bool, form: str, **options: Any) -> None:
    """Print the latest calls, a line each, and with --follow those that come.

    \b
    Example:
      runproxy audit tail --follow --team search
    """
    from runproxy.cli.reading import settings_here

    if follow and form == "json":
        raise click.UsageError("--format json is one array, which --follow never ends; use jsonl.")
    settings = settings_here()
    asked = filter_of(options, settings)
    with opened(options["store"], settings) as store:
        calls = _latest(store, asked, lines, follow=follow)
        for line in map(_line, calls) if form == FORMATS[0] else _lines(calls, form, by_pair=False):
            click.echo(line, nl=False)


def _latest(store: "AuditStore", asked: "Filter", count: int, *, follow: bool) -> "Iterator[LoggedCall]":
    """Give so many of the latest calls, the oldest first, and where it is to follow, each that is written then."""
    from runproxy.audit.reading import calls_since, find_calls
    from runproxy.audit.writing import head_of

    with store.reading() as connection:
        last = head_of(connection).seq
        calls = find_calls(connection, asked, count)[::-1] if count else []
    yield from calls
    while follow:
        time.sleep(_POLL_S)
        with store.reading() as connection:
            calls = calls_since(connection, asked, last)
        yield from calls
        last = calls[-1].seq if calls else last


@click.command()
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS[1:], _PARQUET]),
    default="jsonl",
    show_default=True,
    help="How to write it; parquet needs the extra of that name, and -o.",
)
@click.option("-o", "--output", metavar="FILE", help="File to write.  [default: standard output]")
@click.option("--pairs", "by_pair", is_flag=True, help="A row for each pair in place of one for each call.")
@click.option("--into", metavar="DIR", help="Archive all that has come since the last export into this folder.")
def export(*, form: str, output: str | None, by_pair: bool, into: str | None, **options: Any) -> None:
    """Write calls for other programs, the oldest first.

    With --into, the whole chain goes into a folder in files that prove themselves, each beginning where the last one
    ended; 'prune --require-export' asks for that. In CSV, a text that a spreadsheet would take for a formula gets an
    apostrophe in front; the other formats hold what was written.

    \b
    Example:
      runproxy audit export --since 7d --format csv -o week.csv
      runproxy audit export --into archive
    """
    if into:
        _archive(into, options)
        return
    with asking(options) as asked:
        from runproxy.audit.reading import all_calls

        calls = bar(all_calls(asked.connection, asked.filter), "Exporting calls")
        if form == _PARQUET:
            _write_parquet(calls, output, by_pair=by_pair)
            return
        with _written(output) as file:
            for line in _lines(calls, form, by_pair=by_pair):
                file.write(line)


def _archive(folder: str, options: dict[str, Any]) -> None:
    from runproxy.audit.archive import Archive
    from runproxy.cli.audit.progress import counting
    from runproxy.cli.reading import settings_here

    if any(given for name, given in options.items() if name != "store"):
        raise click.UsageError("--into: an archive holds the whole chain, and no selection of it.")
    archive = Archive(Path(folder))
    with opened(options["store"], settings_here()) as store, counting("Exporting entries") as told:
        count = archive.extend(store, told)
    end = archive.end()
    say(f"{folder}: {count:,} entries exported" + (f", up to {end}." if end else "."))


def _lines(calls: "Iterable[LoggedCall]", form: str, *, by_pair: bool) -> Iterator[str]:
    """Write calls, or their pairs, as lines of text."""
    from runproxy.audit.export import CALL_FIELDS, PAIR_FIELDS, call_record, csv_lines, json_line, pair_records

    if form == "csv":
        records = (pair for call in calls for pair in pair_records(call)) if by_pair else map(call_record, calls)
        yield from csv_lines(records, PAIR_FIELDS if by_pair else CALL_FIELDS)
        return
    told = (pair for call in calls for pair in pair_records(call)) if by_pair else (call.as_dict() for call in calls)
    if form == "jsonl":
        yield from map(json_line, told)
        return
    comma = "["
    for one in told:
        yield f"{comma}\n{json_line(one).rstrip()}"
        comma = ","
    yield "[]\n" if comma == "[" else "\n]\n"


def _write_parquet(calls: "Iterable[LoggedCall]", output: str | None, *, by_pair: bool) -> None:
    from runproxy.audit.export import CALL_FIELDS, PAIR_FIELDS, call_record, pair_records, write_parquet

    if output is None:
        raise click.UsageError("--format parquet needs a file: -o FILE.")
    records = (pair for call in calls for pair in pair_records(call)) if by_pair else map(call_record, calls)
    count = write_parquet(iter(records), PAIR_FIELDS if by_pair else CALL_FIELDS, Path(output))
    say(f"{output}: {count:,} rows written.")


@contextmanager
def _written(output: str | None) -> Iterator[IO[str]]:
    """Open a file to write, or standard output; raises `AuditError`."""
    from runproxy.audit.errors import AuditError

    if output is None:
        yield sys.stdout
        return
    try:
        with Path(output).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise AuditError(f"{output}: cannot be written: {error.strerror}.") from error


def _print(calls: "list[LoggedCall]", form: str) -> None:
    if form == FORMATS[0]:
        print_table([{**call.as_dict(), "metadata": _metadata(call)} for call in calls], _CALLS)
        return
    for line in _lines(calls, form, by_pair=False):
        click.echo(line, nl=False)


def _line(call: "LoggedCall") -> str:
    told = call.as_dict()
    team = told["team"] or NO_TEAM
    status = told.get("status", "-")
    words = (told["time"], team, told["decision"], status, told["outcome"], told["route"], _metadata(call))
    found = " ".join(found.code for found in call.event.findings)
    return on_one_line("  ".join(str(word) for word in (*words, found) if word != "")) + "\n"


def _metadata(call: "LoggedCall") -> str:
    """Give the pairs of a call in short."""
    return clipped(on_one_line(", ".join(f"{pair.key}={_value(pair.value, pair.form)}" for pair in call.event.pairs)))


def _value(value: str | None, form: str) -> str:
    return f"({form.replace('_', ' ')})" if value is None else value
