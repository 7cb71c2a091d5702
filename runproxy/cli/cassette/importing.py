"""`runproxy cassette import`: bringing in the recordings of other tools."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import open_store
from runproxy.cli.group import FROM_ENVIRONMENT, say
from runproxy.cli.options import dir_option

if TYPE_CHECKING:  # loaded by the command itself
    from runproxy.cassette import Interaction
    from runproxy.redaction import Redactor
    from runproxy.stores.file import FileStore
    from runproxy.vcr import Import


@click.group("import")
def import_() -> None:
    """Import the recordings of another tool, redacted on the way.

    \b
    Example:
      runproxy cassette import vcr recorded.yml
    """


@import_.command(context_settings=FROM_ENVIRONMENT)
@click.argument("file")
@click.option("--cassette", metavar="NAME", help="Cassette to write.  [default: the file's own name]")
@dir_option
def vcr(file: str, cassette: str | None, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Import a YAML cassette of VCR (Ruby) or vcrpy; an existing cassette is left alone.

    Exit code 1 when an interaction was left out: it holds a secret, or a body that cannot be looked into.

    \b
    Example:
      runproxy cassette import vcr recorded.yml --cassette imported
    """
    from datetime import UTC, datetime

    from runproxy.errors import CassetteError
    from runproxy.vcr import read_vcr

    store = open_store(dir)
    name = cassette or Path(file).name.partition(".")[0]
    target = store.path(name)
    if target.exists():
        raise CassetteError(f"{target} is there already, and was left alone. Choose another name with --cassette.")
    try:
        text = Path(file).read_bytes()
    except OSError as error:
        raise CassetteError(f"{file}: cannot be read: {error.strerror}.") from error
    found = read_vcr(text, file, store.gate, datetime.now(UTC), settings_redactor())
    if not found.interactions:
        reasons = "".join(f"\nLeft out: {reason}" for reason in found.left_out)
        raise CassetteError(f"{file} holds no interactions that can be stored; nothing was written.{reasons}")
    store.check_writable()
    left_out = asyncio.run(_write(store, name, found.interactions))
    _report(target, found, left_out)
    if left_out or found.left_out:
        sys.exit(1)


def settings_redactor() -> "Redactor":
    """Give what redacts as the settings file says, if there is one."""
    from runproxy.composition.redactors import make_redactor
    from runproxy.config import Settings, find_file, make_settings, read_file

    path = find_file(os.environ.get("RUNPROXY_CONFIG"))
    settings = make_settings(read_file(path), str(path)) if path else Settings()
    return make_redactor(settings.redact)


async def _write(store: "FileStore", name: str, interactions: "list[Interaction]") -> list[str]:
    from runproxy.errors import NotStorable

    tape = store.tape(name)
    left_out = []
    for position, interaction in enumerate(interactions):
        try:
            await tape.append(interaction)
        except NotStorable as error:
            left_out.append(f"interaction {position}: {error.reason}")
    return left_out


def _report(target: Path, found: "Import", left_out: list[str]) -> None:
    from runproxy.cli.output import counted

    written = counted(len(found.interactions) - len(left_out), "interaction")
    say(f"{target}: {written} from {', '.join(sorted(found.hosts))}.")
    if found.dropped:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(found.dropped.items()))
        say(f"Headers dropped: {names}.")
    if found.decoded:
        say(f"{counted(found.decoded, 'compressed answer')} stored decoded.")
    if found.undated:
        say(f"{counted(found.undated, 'interaction')} without a date, dated now.")
    refused = _refused_by_guard(found.interactions)
    if refused:
        say(f"{counted(refused, 'request')} that the guard refuses; in replay, the guard answers in their place.")
    for reason in (*found.left_out, *left_out):
        say(f"Left out: {reason}")


def _refused_by_guard(interactions: "list[Interaction]") -> int:
    from runproxy.errors import Refusal
    from runproxy.guard import Guard, Judge
    from runproxy.routes import MODIFY_RUN, RouteTable

    guard = Guard(RouteTable((MODIFY_RUN,)), Judge())
    refused = 0
    for interaction in interactions:
        try:
            guard.admit(interaction.request)
        except Refusal:
            refused += 1
    return refused
