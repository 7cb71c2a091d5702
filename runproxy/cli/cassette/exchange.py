"""`runproxy cassette import` and `export`: recordings of other tools in, cassettes for other tools out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.configured import settings_redactor
from runproxy.cli.cassette.folder import find_file, open_store, read_cassette
from runproxy.cli.cassette.listing import chosen
from runproxy.cli.cassette.progress import watched, working
from runproxy.cli.completing import cassettes, files
from runproxy.cli.group import FROM_ENVIRONMENT, quiet_option, say, warn
from runproxy.cli.options import dir_option

if TYPE_CHECKING:  # loaded by the commands themselves
    from collections.abc import Callable
    from datetime import datetime

    from runproxy.cassettes import Interaction
    from runproxy.exchange.imported import Import
    from runproxy.redaction import WriteGate
    from runproxy.stores.file import FileStore

    Reader = Callable[[bytes, str, WriteGate, datetime], Import]

name_option = click.option("--cassette", metavar="NAME", help="Cassette to write.  [default: the file's own name]")
base_url_option = click.option(
    "--base-url",
    metavar="URL",
    default="http://127.0.0.1:8787",
    show_default=True,
    help="Where the calls go; cassettes hold no host.",
)


@click.group("import")
def import_() -> None:
    """Import the recordings of another tool, redacted on the way.

    \b
    Example:
      runproxy cassette import vcr recorded.yml
      runproxy cassette import har recorded.har
    """


@import_.command("vcr", context_settings=FROM_ENVIRONMENT)
@click.argument("file", shell_complete=files)
@name_option
@dir_option
@quiet_option
def import_vcr(file: str, cassette: str | None, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Import a YAML cassette of VCR (Ruby) or vcrpy; an existing cassette is left alone.

    Exit code 1 when an interaction was left out: it holds a secret, or a body that cannot be looked into.

    \b
    Example:
      runproxy cassette import vcr recorded.yml --cassette imported
    """
    from runproxy.exchange.vcr import read_vcr

    _bring_in(read_vcr, file, cassette, dir)


@import_.command("har", context_settings=FROM_ENVIRONMENT)
@click.argument("file", shell_complete=files)
@name_option
@dir_option
@quiet_option
def import_har(file: str, cassette: str | None, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Import a HAR file of a browser, mitmproxy or Charles; an existing cassette is left alone.

    Exit code 1 when an entry was left out: it has no answer, lacks its body, or holds a secret. Save with content.

    \b
    Example:
      runproxy cassette import har recorded.har --cassette imported
    """
    from runproxy.exchange.har_reader import read_har

    _bring_in(read_har, file, cassette, dir)


@import_.command("mitmproxy", context_settings=FROM_ENVIRONMENT)
@click.argument("file", shell_complete=files)
@name_option
@dir_option
@quiet_option
def import_mitmproxy(file: str, cassette: str | None, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Import a flow file of mitmproxy; an existing cassette is left alone.

    Exit code 1 when a flow was left out: it is no HTTP, has no answer, or holds a secret.

    \b
    Example:
      runproxy cassette import mitmproxy recorded.flow --cassette imported
    """
    from runproxy.exchange.mitmproxy import read_mitmproxy

    _bring_in(read_mitmproxy, file, cassette, dir)


@click.group()
def export() -> None:
    """Export a cassette for other tools. The text goes to stdout; secrets are in no cassette.

    \b
    Example:
      runproxy cassette export har quickstart
      runproxy cassette export curl quickstart
    """


@export.command("har", context_settings=FROM_ENVIRONMENT)
@click.argument("name", shell_complete=cassettes)
@click.option("-o", "--output", metavar="FILE", shell_complete=files, help="File to write.  [default: stdout]")
@base_url_option
@dir_option
def export_har(name: str, output: str | None, base_url: str, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Export a cassette as HAR 1.2, which developer tools of browsers open.

    \b
    Example:
      runproxy cassette export har quickstart -o quickstart.har
    """
    from runproxy.exchange.har_writer import write_har

    path = find_file(name, dir)
    with working("Exporting", path):
        text = write_har(read_cassette(path), base_url)
    _hand_out(text, output)


@export.command("curl", context_settings=FROM_ENVIRONMENT)
@click.argument("name", shell_complete=cassettes)
@click.option("--interaction", type=click.IntRange(0), metavar="N", help="This one alone, counted from 0.")
@base_url_option
@dir_option
def export_curl(name: str, interaction: int | None, base_url: str, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Export the requests of a cassette as curl commands, for any POSIX shell.

    The key is taken from $OPENAI_API_KEY when they run.

    \b
    Example:
      runproxy cassette export curl quickstart --interaction 0
    """
    from runproxy.exchange.curl import write_curl

    held = chosen(read_cassette(find_file(name, dir)), name, interaction)
    _hand_out(write_curl(dict(held), base_url), None)


@export.command("openapi-example", context_settings=FROM_ENVIRONMENT)
@click.argument("name", shell_complete=cassettes)
@dir_option
def export_openapi_example(name: str, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Export a cassette as OpenAPI 3.1: paths with the recorded bodies as examples.

    \b
    Example:
      runproxy cassette export openapi-example quickstart
    """
    from runproxy.exchange.openapi import write_openapi

    path = find_file(name, dir)
    text, left_out = write_openapi(read_cassette(path), path.stem)
    _hand_out(text, None)
    for reason in left_out:
        warn(f"Left out: {reason}")


def _hand_out(text: bytes, output: str | None) -> None:
    from runproxy.errors import CassetteError

    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_bytes(text)
    except (OSError, ValueError) as error:  # a path may hold what no path can
        reason = error.strerror if isinstance(error, OSError) else error
        raise CassetteError(f"{output}: cannot be written: {reason}. Choose another file with --output.") from error
    say(f"{output}: {len(text)} bytes written.")


def _bring_in(read: "Reader", file: str, cassette: str | None, folder: str | None) -> None:
    from datetime import UTC, datetime

    from runproxy.errors import CassetteError

    store = open_store(folder)
    name = cassette or Path(file).name.partition(".")[0]
    target = store.path(name)
    if target.exists():
        raise CassetteError(f"{target} is there already, and was left alone. Choose another name with --cassette.")
    try:
        text = Path(file).read_bytes()
    except (OSError, ValueError) as error:  # a path may hold what no path can
        reason = error.strerror if isinstance(error, OSError) else error
        raise CassetteError(f"{file}: cannot be read: {reason}.") from error
    with working("Reading", Path(file)):
        found = read(text, file, store.gate, datetime.now(UTC))
        found.redact(settings_redactor())
    elements, refused = _admitted(store, found)
    if elements:
        store.check_writable()
        store.create(name, elements)
    _report(target, found, len(elements), refused)
    if not elements:
        raise CassetteError(f"{file} holds no interactions that can be imported; nothing was written.")
    if found.left_out or refused:
        sys.exit(1)


def _admitted(store: "FileStore", found: "Import") -> tuple[list[bytes], list[str]]:
    """Give what the gate lets through, laid out, and say of the rest where it stands and why it does not."""
    from runproxy.errors import NotStorable

    elements, refused = [], []
    for place, interaction in watched(list(zip(found.places, found.interactions, strict=True)), "Searching"):
        try:
            elements.append(store.admit(interaction))
        except NotStorable as error:
            refused.append(f"{place}: {error.reason}")
    return elements, refused


def _report(target: Path, found: "Import", written: int, refused: list[str]) -> None:
    from runproxy.cli.output import counted, harmless

    if written:
        hosts = harmless(", ".join(sorted(found.hosts)))
        say(f"{target}: {counted(written, 'interaction')} from {hosts}.")
    if found.dropped:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(found.dropped.items()))
        say(f"Headers dropped: {harmless(names)}.")
    for count, what in _changes(found):
        say(f"{counted(count, what[0])} {what[1]}.")
    for reason in [*found.left_out, *refused]:
        warn(f"Left out: {reason}")


def _changes(found: "Import") -> "list[tuple[int, tuple[str, str]]]":
    """Count what was changed, each with the noun that is counted and what became of it."""
    told = [
        (found.decoded, ("compressed answer", "stored decoded")),
        (found.redacted, ("interaction", "with a secret in the query, stored as REDACTED")),
        *((count, ("interaction", what)) for what, count in sorted(found.changed.items())),
        (found.undated, ("interaction", "without a date, dated now")),
        (
            _refused_by_guard(found.interactions),
            ("request", "that the guard refuses; in replay, the guard answers in their place"),
        ),
    ]
    return [(count, what) for count, what in told if count]


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
