"""Whatever somebody can type, set, call or be told stands in the documents, and says what it is."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import runproxy
from docs.generate.errors import explained, raised
from runproxy import messages
from runproxy.admin.openapi import document
from runproxy.admin.sessions import Wanted
from runproxy.cli import main
from runproxy.config import Settings
from runproxy.config.leaves import leaves, tables_below
from runproxy.pytest_plugin import fixtures, flags

DOCS = Path(__file__).parents[2] / "docs"
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md")))
CLI = (DOCS / "reference/cli.md").read_text(encoding="utf-8")
SHARED = CLI.partition("## Options of all commands that serve")[2].partition("\n## ")[0]


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """List every command that people type."""
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            if not below.hidden:
                yield from commands(below, *path, name)


FLAGS = re.findall(r'"(--runproxy-[a-z-]+)"', inspect.getsource(flags.pytest_addoption))
FIXTURES = [flags.MARKER, *(name for name in vars(fixtures) if name.startswith("runproxy_"))]
OF_THE_MARKER = re.findall(r"\b[a-z_]+\b", flags.MARKER_HELP.partition("(")[2].partition(")")[0].replace("None", ""))
RAISED, EXPLAINED = raised(), explained()
COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in commands(main, "runproxy")]
SETTINGS = [pytest.param(path, purpose, id=path) for path, _, purpose in leaves()]
HEADERS = sorted(str(value) for name, value in vars(messages).items() if name.endswith("_HEADER") and "x-" in value)
PATHS = [
    f"{method.upper()} {path}"
    for path, methods in document(Wanted.model_json_schema())["paths"].items()
    for method in methods
]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_and_option_is_documented(path: tuple[str, ...], command: click.Command) -> None:
    """A command has a chapter, and all its options are in it or in that of all who serve; all of them have help."""
    heading = rf"^##+ {' '.join(path)}\n(.*?)(?=^##|\Z)"
    chapter = re.search(heading, CLI, re.MULTILINE | re.DOTALL)
    assert chapter
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert all(re.search(rf"(?<![\w-]){name}(?![\w-])", chapter[1] + SHARED) for name in option.opts), (
                option.name
            )


@pytest.mark.parametrize(("path", "purpose"), SETTINGS)
def test_every_setting_is_documented(path: str, purpose: str) -> None:
    """A setting has a heading of its own, a docstring, and its tables have both for what is in them."""
    assert purpose
    assert f"\n### {path}\n" in TEXT
    tables = tables_below(path)
    for name, info in tables.model_fields.items() if tables else ():
        assert info.description, f"{path}.{name}"
        assert f"| `{info.alias or name}` |" in TEXT


@pytest.mark.parametrize("code", sorted(RAISED))
def test_every_code_is_documented(code: str) -> None:
    """A code that a client or a person is told has a heading of its own, and its error a docstring."""
    assert f"\n### {code}\n" in TEXT
    assert code in EXPLAINED
    assert RAISED[code].__dict__["__doc__"]


@pytest.mark.parametrize("header", HEADERS)
def test_every_header_of_runproxy_is_documented(header: str) -> None:
    """A header that runproxy reads or writes stands in the table of headers."""
    assert f"| `{header}` |" in (DOCS / "reference/headers.md").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("call", PATHS)
def test_every_address_of_the_admin_api_is_documented(call: str) -> None:
    """An address of the admin API has a heading of its own."""
    assert f"\n### {call}\n" in TEXT


@pytest.mark.parametrize("name", runproxy.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """What can be imported from runproxy has a heading of its own, and a docstring where it can have one."""
    named = getattr(runproxy, name)
    assert f"\n## {name}\n" in (DOCS / "reference/python.md").read_text(encoding="utf-8")
    assert not callable(named) or inspect.getdoc(named)


@pytest.mark.parametrize("name", [*FLAGS, *FIXTURES, *OF_THE_MARKER])
def test_everything_the_plugin_adds_to_pytest_is_documented(name: str) -> None:
    """Every flag, every fixture and every argument of the marker has a row in the how-to guide."""
    assert f"\n| `{name}` |" in (DOCS / "howto/pytest.md").read_text(encoding="utf-8")


def test_every_table_of_settings_says_what_it_is() -> None:
    """The models of settings have docstrings, which head their chapters."""
    schema = Settings.model_json_schema()
    assert all(found.get("description") for found in schema["$defs"].values())
