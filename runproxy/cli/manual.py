"""The manual page, made of what `--help` says: roff with the macros of man(7). Built into the wheel by hatch_build.py.

click-man writes a page for each command, runs examples into one paragraph, and lets a line that begins with a dot be
taken for a macro; so this is our own.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from inspect import cleandoc
from typing import Final

import click

from runproxy.cli.exits import EXITS

_ENVIRONMENT: Final = (
    ("RUNPROXY_*", "Every option of a server, in capitals: RUNPROXY_ADMIN_PORT is --admin-port."),
    ("RUNPROXY_CONFIG", "The settings file, in place of runproxy.toml in the current folder."),
    ("RUNPROXY_ADMIN_TOKEN", "The token of the admin API."),
    ("CI", "Where it is true, recording needs --allow-record-in-ci."),
    ("NO_COLOR", "Where it is set, nothing is shown in colours."),
)
_FILES: Final = (
    ("runproxy.toml", "Settings; 'runproxy config init' writes all of them with their defaults."),
    ("cassettes/", "Where cassettes are looked for; --dir names another folder."),
    (".runproxy/audit.db", "The audit."),
)


def manual(program: click.Command, version: str, day: date) -> str:
    """Give the page of a command and all that are below it, as a text in roff; `day` is when it was made."""
    context = click.Context(program, info_name="runproxy")
    summary = program.get_short_help_str(200).rstrip(".")
    lines = [
        f'.TH RUNPROXY 1 "{day}" "runproxy {version}" "User Commands"',
        ".SH NAME",
        f"runproxy \\- {_roff(summary[0].lower() + summary[1:])}",
        ".SH SYNOPSIS",
        ".B runproxy",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH DESCRIPTION",
        *_paragraphs(program.help or ""),
        ".SH COMMANDS",
        *(line for below in _below(context) for line in _command(below)),
        ".SH EXIT STATUS",
        *_list((str(code), meaning) for code, meaning in EXITS.items()),
        ".SH ENVIRONMENT",
        *_list(_ENVIRONMENT),
        ".SH FILES",
        *_list(_FILES),
    ]
    return "\n".join(lines) + "\n"


def _below(context: click.Context) -> Iterator[click.Context]:
    """Go through all commands below a group, each before those below it."""
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            if not command.hidden:
                below = click.Context(command, info_name=name, parent=context)
                yield below
                yield from _below(below)


def _command(context: click.Context) -> Iterator[str]:
    usage = " ".join(context.command.collect_usage_pieces(context))
    yield f".SS {_roff(context.command_path)} {_roff(usage)}"
    yield from _paragraphs(context.command.help or "")
    records = (parameter.get_help_record(context) for parameter in context.command.params)
    yield from _list(record for record in records if record)


def _list(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, meaning in items:
        yield from (".TP", f"\\fB{_roff(name)}\\fR", _roff(meaning))


def _paragraphs(text: str) -> Iterator[str]:
    """Write the paragraphs of a help text; those after a backspace keep their lines, as in click."""
    for number, block in enumerate(re.split(r"\n[ \t]*\n", cleandoc(text))):
        yield from [".PP"] * (number > 0)
        if block.startswith("\b"):
            yield from (".nf", *map(_roff, block.lstrip("\b\n").split("\n")), ".fi")
        else:
            yield _roff(" ".join(block.split()))


def _roff(text: str) -> str:
    """Write text as such: a dot or an apostrophe at the beginning of a line would be taken for a macro."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
