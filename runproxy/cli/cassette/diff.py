"""`runproxy cassette diff`: what two cassettes do not share."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.cassette.folder import find_file, folder_option, read_cassette
from runproxy.cli.cassette.progress import working
from runproxy.cli.completing import cassettes
from runproxy.cli.output import counted, on_one_line

if TYPE_CHECKING:
    from runproxy.cassettes.difference import Call, Change, Differences, Field, Ignoring

_MAX_SHOWN_CHARS: Final = 200


@click.command()
@click.argument("before", shell_complete=cassettes)
@click.argument("after", shell_complete=cassettes)
@click.option(
    "--ignore",
    "pointers",
    multiple=True,
    metavar="POINTER",
    help="Pass over what stands there in the bodies of answers, such as /created_at or /data/*/id.",
)
@click.option("--all", "everything", is_flag=True, help="Also tell what differs whenever a call is recorded anew.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@folder_option
def diff(
    *, before: str, after: str, pointers: tuple[str, ...], everything: bool, as_json: bool, folder: str | None
) -> None:
    """Show which calls were added and removed, and which are answered differently.

    BEFORE and AFTER are names of cassettes or paths of files. Calls are compared with the same call, the first
    recording with the first; JSON by value. When and how fast a call was recorded, its x-request-id and how its JSON
    was printed count only with --all.

    Exit code 0: no difference; 1: differences, shown; 2: a cassette cannot be read.

    \b
    Example:
      runproxy cassette diff old new --ignore /created_at
      git show HEAD:cassettes/new.json | runproxy cassette diff /dev/stdin new
    """
    from runproxy.cassettes.difference import compare

    ignoring = ignoring_of(pointers, everything=everything)
    old, new = (find_file(given, folder) for given in (before, after))
    with working("Comparing", old, new):
        found = compare(read_cassette(old), read_cassette(new), ignoring)
    if as_json:
        click.echo(json.dumps(_as_json(found)))
    else:
        _print(found)
    if found:
        sys.exit(1)


def ignoring_of(pointers: tuple[str, ...], *, everything: bool = False) -> "Ignoring":
    """Read the pointers of --ignore; raises `UsageError`."""
    from runproxy.cassettes.difference import Ignoring

    try:
        return Ignoring.parse(pointers, volatile=not everything)
    except ValueError as error:
        raise click.UsageError(f"--ignore: {error}.") from error


def _as_json(found: "Differences") -> dict[str, object]:
    return {
        "same": not found,
        "removed": [asdict(call) for call in found.removed],
        "added": [asdict(call) for call in found.added],
        "changed": [_change_as_json(change) for change in found.changed],
    }


def _change_as_json(change: "Change") -> dict[str, object]:
    return {
        "before": asdict(change.before),
        "after": asdict(change.after),
        "fields": [_field_as_json(field) for field in change.fields],
    }


def _field_as_json(field: "Field") -> dict[str, Any]:
    """Leave out a side that has nothing there, which is not the same as null."""
    from runproxy.cassettes.values import ABSENT

    sides = {"before": field.before, "after": field.after}
    place = {"where": field.where} if field.pointer is None else {"where": field.where, "pointer": field.pointer}
    return {**place, **{side: value for side, value in sides.items() if value is not ABSENT}}


def _print(found: "Differences") -> None:
    lines = [f"- {_call(call)}" for call in found.removed]
    lines += [f"+ {_call(call)}" for call in found.added]
    for change in found.changed:
        lines.append(f"~ {_call(change.after)}")
        lines += [f"    {field.where}: {shown(field.before)} -> {shown(field.after)}" for field in change.fields]
    for line in lines:
        click.echo(on_one_line(line))
    counts = ((len(found.added), "added"), (len(found.removed), "removed"), (len(found.changed), "changed"))
    if found:
        click.echo(", ".join(f"{counted(count, 'call')} {word}" for count, word in counts if count))


def _call(call: "Call") -> str:
    nth = f"  (recording {call.nth + 1})" if call.nth else ""
    return f"[{call.position}] {call.method} {call.target}{nth}"


def shown(value: object) -> str:
    """Print a value on one line, cut where it is long."""
    from runproxy.cassettes.values import ABSENT

    if value is ABSENT:
        return "(absent)"
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}… ({len(text)} characters)"
