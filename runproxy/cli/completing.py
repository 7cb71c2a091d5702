"""What a shell completes after a command: cassettes, misses of the running proxy, routes, files.

A person who presses Tab wants no message: where nothing can be found out, nothing is offered.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

_ANSWER_S: Final = 1.0  # longer than this nobody waits for a completion


def cassettes(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the cassettes of the folder that the command line names; of what begins like a path, files."""
    from runproxy.cli.cassette.folder import DEFAULT_DIR, SUFFIX

    if incomplete.startswith((".", "/", "~")):
        return files(context, _, incomplete)
    given = context.params.get("folder") or context.params.get("dir")
    folder = Path(given or os.environ.get("RUNPROXY_DIR") or DEFAULT_DIR)
    found = sorted(path.relative_to(folder).as_posix().removesuffix(SUFFIX) for path in folder.rglob(f"*{SUFFIX}"))
    return _beginning(found, incomplete) or files(context, _, incomplete)


def misses(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the latest misses of the running proxy, the latest first, with the call that was missed."""
    from runproxy.cli.why import fetch
    from runproxy.errors import ConfigError

    try:
        found = fetch(context.params.get("admin_url") or "", "/api/misses", _ANSWER_S)["misses"]
    except ConfigError:
        return []
    calls = {miss["id"]: f"{miss.get('method', '')} {miss.get('path', '')}".strip() for miss in found}
    return [CompletionItem(miss, help=call) for miss, call in calls.items() if miss.startswith(incomplete)]


def routes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the routes of the API."""
    from runproxy.routes import BY_NAME

    return _beginning(BY_NAME, incomplete)


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell to complete a file."""
    return [CompletionItem(incomplete, type="file")]


def folders(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell to complete a folder."""
    return [CompletionItem(incomplete, type="dir")]


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
