"""`--help`: an example everywhere, and nothing heavy loaded for it."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from runproxy import __version__
from runproxy.cli import main


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Name every command and sub-command, groups too, as it is typed."""
    yield path
    for name, command in group.commands.items():
        if command.hidden:  # what runproxy starts itself
            continue
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


ALL = [pytest.param(path, id=" ".join(path) or "runproxy") for path in commands(main)]


def test_all_commands_are_found() -> None:
    """The list that the other tests go through holds every command there is."""
    assert {" ".join(path) for path in commands(main)} == {
        "",
        "record",
        "replay",
        "serve",
        "sandbox",
        "demo",
        "doctor",
        "why",
        "check",
        "policy",
        "policy explain",
        "fingerprint",
        "cassette",
        "cassette list",
        "cassette show",
        "cassette diff",
        "cassette verify",
        "cassette merge",
        "cassette split",
        "cassette prune",
        "cassette format",
        "cassette scan",
        "cassette schema",
        "cassette import",
        "cassette import vcr",
        "cassette import har",
        "cassette import mitmproxy",
        "cassette export",
        "cassette export har",
        "cassette export curl",
        "cassette export openapi-example",
        "audit",
        "audit summary",
        "audit teams",
        "audit keys",
        "audit values",
        "audit new-keys",
        "audit coverage",
        "audit violations",
        "audit search",
        "audit tail",
        "audit simulate",
        "audit export",
        "audit prune",
        "audit verify",
        "audit import-cassettes",
        "config",
        "config init",
        "config show",
        "config validate",
        "config schema",
        "completion",
    }


@pytest.mark.parametrize("path", ALL)
def test_every_help_shows_an_example_of_its_own(path: tuple[str, ...]) -> None:
    """Under "Example:" stands a line that calls this very command."""
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    _, found, example = result.stdout.partition("Example:\n")
    assert found
    assert " ".join(("runproxy", *path)) in example.partition("\n\n")[0]


@pytest.mark.parametrize("path", ALL)
def test_every_help_fits_a_terminal(path: tuple[str, ...]) -> None:
    """No line is longer than 80 characters."""
    result = CliRunner().invoke(main, [*path, "--help"], terminal_width=80)
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("path", ALL)
def test_an_option_that_does_not_exist_is_refused(path: tuple[str, ...]) -> None:
    """Exit code 2, and the option is named."""
    result = CliRunner().invoke(main, [*path, "--no-such-option"])
    assert result.exit_code == 2
    assert "--no-such-option" in result.stderr


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import sys, runproxy", id="package"),
        pytest.param("import sys, runproxy.cli", id="import"),
        pytest.param("import sys, runproxy.cli as c; c.main(['--help'], standalone_mode=False)", id="help"),
        pytest.param("import sys, runproxy.cli as c; c.main(['serve', '--help'], standalone_mode=False)", id="serve"),
    ],
)
def test_help_loads_nothing_heavy(code: str) -> None:
    """Libraries, and what is slow to load of the standard one, are not imported before a command needs them."""
    libraries = ("aiohttp", "alembic", "multidict", "orjson", "pydantic", "re2", "rich", "sqlalchemy", "structlog")
    heavy = (*libraries, "asyncio", "http.client", "ssl", "urllib.request", "uvloop", "yaml", "yarl")
    script = f"{code}; print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stderr == "[]\n"


def test_the_version_is_told() -> None:
    """`--version` gives the version of the package."""
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"runproxy, version {__version__}\n")
