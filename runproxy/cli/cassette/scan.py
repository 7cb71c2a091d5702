"""`runproxy cassette scan`: secrets in what is on file already."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import DEFAULT_DIR, folder_option
from runproxy.cli.cassette.progress import watched
from runproxy.cli.completing import files
from runproxy.cli.group import quiet_option, say, warn
from runproxy.cli.output import counted, findings_option, json_option, on_one_line

if TYPE_CHECKING:  # loaded by the command itself
    from collections.abc import Iterator

    from runproxy.cassettes.scanning import Scanned, Scanner
    from runproxy.cli.findings import Finding


@click.command()
@click.argument("paths", nargs=-1, shell_complete=files)
@click.option(
    "--secrets-from-env",
    "variables",
    multiple=True,
    metavar="NAME",
    help="Also search for the value of this environment variable, in every spelling.",
)
@findings_option
@json_option
@folder_option
@quiet_option
def scan(*, paths: tuple[str, ...], variables: tuple[str, ...], form: str, as_json: bool, folder: str | None) -> None:
    """Find secrets in cassettes, or in any other files.

    PATHS are files, and folders with all that is below them; without any, the cassette folder is searched. Found are
    the shapes of well-known tokens, headers and query values that are named like a secret, and bodies that cannot be
    looked into. The place and the kind are printed, the secret is not.

    Exit code 0: nothing found; 1: findings, listed; 2: a file or a variable cannot be read.

    Name files from the root of the repository for --format sarif and github: so they are told.

    \b
    Example:
      runproxy cassette scan
      runproxy cassette scan fixtures --secrets-from-env OPENAI_API_KEY
      runproxy cassette scan --format sarif > runproxy.sarif
    """
    scanner = _scanner(variables)
    results: dict[str, Scanned] = {}
    failed: list[str] = []
    for path in watched(_files(paths or (folder or DEFAULT_DIR,), failed), "Searching"):
        try:
            results[str(path)] = scanner.scan(path.read_bytes(), str(path))
        except OSError as error:
            failed.append(_not_readable(error))
    _print(results, failed, "json" if as_json else form)
    for message in failed:
        warn(on_one_line(f"Error: {message}"))
    if failed:
        sys.exit(2)
    if any(result.findings for result in results.values()):
        sys.exit(1)


def _scanner(variables: tuple[str, ...]) -> "Scanner":
    from runproxy.cassettes.scanning import Scanner

    missing = [name for name in variables if not os.environ.get(name, "").strip()]
    if missing:
        raise click.UsageError(f"--secrets-from-env: {', '.join(missing)} is not set, or empty.")
    try:
        return Scanner({name: os.environ[name].strip() for name in variables})
    except ValueError as error:
        raise click.UsageError(f"--secrets-from-env: {error}.") from error


def _files(paths: tuple[str, ...], failed: list[str]) -> list[Path]:
    """List the files to search; what cannot be looked into is a failure, for a secret may be in there."""
    found: dict[Path, None] = {}
    for path in paths:
        if not Path(path).is_dir():
            found[Path(path)] = None
            continue
        for folder, below, names in os.walk(path, onerror=lambda error: failed.append(_not_readable(error))):
            below[:] = sorted(name for name in below if name != ".git")
            found.update(dict.fromkeys(held for name in sorted(names) if (held := Path(folder, name)).is_file()))
    return list(found)


def _not_readable(error: OSError) -> str:
    return f"{error.filename}: cannot be read: {error.strerror}."


def _as_json(results: "dict[str, Scanned]", failed: list[str]) -> dict[str, object]:
    found = [{"file": file, **asdict(finding)} for file, result in results.items() for finding in result.findings]
    return {"ok": not (found or failed), "files": len(results), "findings": found, "errors": failed}


def _print(results: "dict[str, Scanned]", failed: list[str], form: str) -> None:
    match form:
        case "json":
            click.echo(json.dumps(_as_json(results, failed)))
        case "text":
            _print_lines(results)
        case _:
            from runproxy.cli.findings import print_findings

            print_findings(
                [found for file, result in results.items() for found in _findings(file, result)], form, failed
            )


def _findings(file: str, result: "Scanned") -> "Iterator[Finding]":
    from runproxy.cassettes.scanning import OPAQUE
    from runproxy.cli.findings import Finding

    for found in result.findings:
        rule = "opaque_body" if found.kind == OPAQUE else "secret_found"
        yield Finding(rule, "error", file, f"Found {found.kind}.", found.where, result.positions.get(found))


def _print_lines(results: "dict[str, Scanned]") -> None:
    for file, result in results.items():
        if result.unread:
            say(on_one_line(f"{result.unread} Searched as plain text."))
        for finding in result.findings:
            click.echo(on_one_line(f"{file}: {finding.where}: {finding.kind}"))
    count = sum(len(result.findings) for result in results.values())
    told = f"{counted(count, 'finding')} in" if count else "Nothing found in"
    say(f"{told} {counted(len(results), 'file')}.")
