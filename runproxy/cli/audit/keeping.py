"""`runproxy audit verify`, `prune` and `import-cassettes`: what is on file, and what is not any more."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.audit.asking import opened, store_option
from runproxy.cli.audit.progress import bar, counting
from runproxy.cli.group import say
from runproxy.cli.output import counted, on_one_line

if TYPE_CHECKING:
    from runproxy.audit.cassettes import CassetteReader
    from runproxy.audit.chain import Link
    from runproxy.config import Settings


@click.command()
@click.option(
    "--head", "heads", multiple=True, metavar="HEAD", help="A head that was noted before; it must still be there."
)
@click.option("--archive", metavar="DIR", help="Prove an archive, too, and that it belongs to the store.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@store_option
def verify(*, heads: tuple[str, ...], archive: str | None, as_json: bool, store: str | None) -> None:
    """Prove that nothing in the store was changed or removed.

    Every entry is hashed anew, with the hash of the one before it, and every figure is counted anew. The last line is
    the head of the chain: note it elsewhere, and --head proves later that all up to there is as it was then. Without
    that, nobody can tell a store from one whose end was taken off with care.

    Exit code 0: all is as it was written; 1: it is not, and what was found; 2: the store cannot be read.

    \b
    Example:
      runproxy audit verify
    """
    from runproxy.audit.verifying import count_entries
    from runproxy.audit.verifying import verify as proven
    from runproxy.cli.audit.tables import print_json
    from runproxy.cli.reading import settings_here

    noted = [_link(head) for head in heads]
    problems = _of_archive(archive, noted) if archive else []
    with opened(store, settings_here()) as held:
        with held.reading() as connection:
            total = count_entries(connection)
        with counting("Hashing entries", total) as told:
            found = proven(held, noted, told)
    problems += found.problems
    if as_json:
        told_of = {"ok": not problems, "calls": found.calls, "first": found.anchor.seq + 1, "head": str(found.head)}
        print_json({**told_of, "prunings": found.prunings, "problems": problems})
    else:
        for problem in problems:
            click.echo(on_one_line(problem))
        pruned = f", up to entry {found.anchor.seq} of which calls were pruned" if found.anchor.seq else ""
        verdict = f"{counted(len(problems), 'problem')} in" if problems else "Nothing was changed or removed in"
        click.echo(f"{verdict} {found.head.seq - found.anchor.seq:,} entries of {found.calls:,} calls{pruned}.")
        click.echo(f"head {found.head}")
    if problems:
        sys.exit(1)


def _link(head: str) -> "Link":
    from runproxy.audit.chain import Link

    try:
        return Link.parse(head)
    except ValueError as error:
        raise click.UsageError(f"--head: {error}.") from error


def _of_archive(folder: str, noted: "list[Link]") -> list[str]:
    """Prove an archive by itself, and note its end, which the store must have; gives what is wrong with it."""
    from runproxy.audit.archive import Archive
    from runproxy.audit.errors import AuditError

    archive = Archive(Path(folder))
    try:
        end = archive.end()
        if end is None:
            return [f"{folder}: holds no file of an archive, so nothing was proven by it."]
        noted.append(end)
        with counting("Hashing the archive", end.seq) as told:
            archive.check(told)
    except AuditError as error:
        return [error.message]
    return []


@click.command()
@click.option("--older-than", metavar="AGE", required=True, help="Remove calls that are older than this, such as 90d.")
@click.option("--require-export", metavar="DIR", help="Remove only what is in this archive, which is proven before.")
@click.option("--dry-run", is_flag=True, help="Only tell how many calls would go.")
@click.option("--vacuum", is_flag=True, help="Give the room back to the disk; nobody can write meanwhile.")
@store_option
def prune(*, older_than: str, require_export: str | None, dry_run: bool, vacuum: bool, store: str | None) -> None:
    """Remove old calls, so that the rest still proves itself.

    Calls of the last hour stay, for they may be under way; so do calls that were written before one that stays. When
    keys were first seen is kept.

    \b
    Example:
      runproxy audit export --into archive
      runproxy audit prune --older-than 90d --require-export archive
    """
    from runproxy.audit.archive import Archive
    from runproxy.audit.pruning import count_up_to, cut_by_age, prune, span_up_to
    from runproxy.cli.reading import settings_here

    now_ms = round(time.time() * 1000)
    before_ms = now_ms - _age_ms(older_than)
    with opened(store, settings_here()) as held:
        cut = cut_by_age(held, before_ms, now_ms)
        calls = count_up_to(held, cut)
        if dry_run or not calls:
            click.echo(f"{counted(calls, 'call')} would be removed." if dry_run else "There is nothing to remove.")
            return
        if require_export:
            Archive(Path(require_export)).prove(*span_up_to(held, cut))
        with counting("Removing calls", calls) as told:
            gone = prune(held, cut, now_ms, archive=require_export or "", told=told)
        if vacuum:
            held.vacuum()
    click.echo(f"{counted(gone.calls, 'call')} removed, up to entry {gone.up_to}.")


def _age_ms(text: str) -> int:
    from runproxy.durations import parse_duration

    try:
        return round(parse_duration(text).total_seconds() * 1000)
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}; found {text!r}.") from error


@click.command("import-cassettes")
@click.argument("folder", metavar="DIR")
@store_option
def import_cassettes(folder: str, store: str | None) -> None:
    """Write down the calls that are in cassettes, as if they had been audited when they were recorded.

    They are judged by the rules of the settings file. The team is known as far as the name of the cassette tells it.
    Calls that were imported before are passed over.

    Exit code 0: done; 1: some cassette cannot be read, and which; 2: there is no such folder.

    \b
    Example:
      runproxy audit import-cassettes cassettes
    """
    from runproxy.audit.cassettes import imported
    from runproxy.audit.errors import AuditError
    from runproxy.audit.store import AuditStore
    from runproxy.audit.writing import write
    from runproxy.cli.cassette.folder import open_store
    from runproxy.cli.reading import settings_here
    from runproxy.errors import CassetteError

    if not Path(folder).is_dir():
        raise AuditError(f"{folder}: there is no such folder; nothing was written down.")
    settings = settings_here()
    cassettes, reader = open_store(folder), _reader(settings)
    held = AuditStore.open(Path(store or settings.audit.store), creates=True)
    calls, unreadable = 0, []
    try:
        with held.reading() as connection:
            known = imported(connection)
        for name in bar(names := cassettes.names(), "Importing cassettes", len(names)):
            try:
                entries = [entry for both in reader.entries(name, cassettes.load(name), known) for entry in both]
            except CassetteError as error:
                unreadable.append(error.message)
                continue
            with held.writing() as connection:
                write(connection, entries)
            calls += len(entries) // 2
    finally:
        held.close()
    for message in unreadable:
        say(on_one_line(f"Error: {message}"))
    click.echo(f"{counted(calls, 'call')} of {counted(len(names), 'cassette')} written down.")
    if unreadable:
        sys.exit(1)


def _reader(settings: "Settings") -> "CassetteReader":
    from runproxy.audit.cassettes import CassetteReader
    from runproxy.audit.describing import Describer
    from runproxy.audit.values import Keeping
    from runproxy.composition.rules import make_rules
    from runproxy.config import policy_in
    from runproxy.redaction import WriteGate

    rules = make_rules(settings, policy_in(settings))
    describer = Describer(Keeping.of(settings.audit), WriteGate())
    return CassetteReader(describer, rules.guard, rules.attribution.caller_of)
