"""The page of commands: what click knows of them, option by option."""

import re
from collections.abc import Iterator
from typing import Any, Final

import click

from docs.generate.markdown import anchor, code, page, prose, table
from runproxy.cli import main
from runproxy.cli.options import PLACES

_INTRODUCTION: Final = """\
Every command tells of itself with `--help`. An option comes before the variable of the environment that stands beside
it, and both come before the settings file; flags of two forms, such as `--log-calls/--no-log-calls`, take `true` and
`false` from a variable. The options of the commands that serve are [settings](settings.md), too.

Results go to stdout, all else to stderr. Exit codes, unless a command says otherwise:

| exit code | what it says |
|---|---|
| 0 | done, and nothing found |
| 1 | done, and something was found: a difference, a refusal, drift, a secret; or it was stopped in the middle |
| 2 | not done: a wrong option, a setting or a file that cannot be used; stderr says what, where, and what to do |"""
_NOT_RUN: Final = "<!-- not run: an example of --help, whose files and servers are not here -->"
_DEFAULT: Final = re.compile(r"\s*\[default: (.*?)\]$")
_SHARED: Final = "Options of all commands that serve"


def cli() -> str:
    """Write the page."""
    shared = _shared()
    chapters = [_chapter(context, shared) for context in _contexts(main, "runproxy", None)]
    intro = (
        f"`{'`, `'.join(_SERVING)}` and `doctor` take these; those that forward calls have more of their own."
        if shared
        else ""
    )
    options = "\n\n".join((f"## {_SHARED}", intro, _options(_context("replay"), shared)))
    return page("Commands", _INTRODUCTION, _overview(), options, *chapters)


_SERVING: Final = ("record", "replay", "serve")


def _shared() -> frozenset[str]:
    """Name the options that all commands that serve have in common."""
    return frozenset.intersection(*(frozenset(map(_key, _context(name).command.params)) for name in _SERVING))


def _context(name: str) -> click.Context:
    command = main.commands[name]
    return click.Context(command, info_name=f"runproxy {name}", **command.context_settings)


def _contexts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[click.Context]:
    """Go through a command and all below it, as they are typed; what runproxy starts itself is left out."""
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found and not found.hidden:
                yield from _contexts(found, below, context)


def _overview() -> str:
    rows = (
        (f"[{code(context.command_path)}](#{anchor(context.command_path)})", prose(_first_sentence(context.command)))
        for context in _contexts(main, "runproxy", None)
        if not isinstance(context.command, click.Group)
    )
    return table(("command", "what it does"), rows)


def _first_sentence(command: click.Command) -> str:
    return _paragraphs(command)[0]


def _paragraphs(command: click.Command) -> list[str]:
    """Give what a help text says, without its example."""
    text = (command.help or "").partition("\b")[0]
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _chapter(context: click.Context, shared: frozenset[str]) -> str:
    command = context.command
    usage = " ".join(command.collect_usage_pieces(context))
    own = frozenset(map(_key, command.params))
    has_shared = own >= shared
    heading = "##" + "#" * (context.command_path.count(" ") > 1)
    return "\n\n".join(
        filter(
            None,
            (
                f"{heading} {context.command_path}",
                *map(prose, _paragraphs(command)),
                f"Usage: {code(f'{context.command_path} {usage}')}",
                _example(command),
                _options(context, own - shared if has_shared else own),
                f"And the [options of all commands that serve](#{anchor(_SHARED)})." if has_shared else "",
            ),
        )
    )


def _example(command: click.Command) -> str:
    lines = (command.help or "").partition("\b")[2].splitlines()
    shown = "\n".join(line.strip() for line in lines if line.strip() and not line.strip().endswith("Example:"))
    return f"{_NOT_RUN}\n```sh\n{shown}\n```" if shown else ""


def _options(context: click.Context, wanted: frozenset[str]) -> str:
    return table(
        ("option", "variable", "default", "what it does"),
        (
            _row(context, param)
            for param in context.command.params
            if isinstance(param, click.Option) and _key(param) in wanted
        ),
    )


def _key(param: click.Parameter) -> str:
    return str(param.name)


def _row(context: click.Context, option: click.Option) -> tuple[str, str, str, str]:
    text, default = _help_and_default(option)
    place = PLACES.get(_key(option))
    setting = f" Setting [{code(place)}](settings.md#{anchor(place)})." if place and _is_setting(context) else ""
    return _spelled(option, context), _variable(context, option), default, f"{prose(text)}{setting}"


def _is_setting(context: click.Context) -> bool:
    return context.command_path.split()[-1] in (*_SERVING, "doctor")


def _help_and_default(option: click.Option) -> tuple[str, str]:
    text = option.help or ""
    if found := _DEFAULT.search(text):
        return text[: found.start()], prose(found[1])
    default: Any = option.default
    is_told = option.show_default and default not in (None, (), False)
    return text, str(default) if is_told and isinstance(default, str | int | float) else ""


def _spelled(option: click.Option, context: click.Context) -> str:
    names = "/".join([*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return code(names)
    return code(f"{names} {option.make_metavar(context)}")


def _variable(context: click.Context, option: click.Option) -> str:
    if isinstance(option.envvar, str):
        return code(option.envvar)
    if context.auto_envvar_prefix and option.allow_from_autoenv and option.expose_value:
        return code(f"{context.auto_envvar_prefix}_{_key(option).upper()}")
    return ""
