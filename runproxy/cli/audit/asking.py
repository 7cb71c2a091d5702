"""What the commands that ask the audit share: which store, which calls, and in which form the answer is printed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:  # loaded by the commands themselves
    from runproxy.audit.filters import Filter
    from runproxy.audit.store import AuditStore, Reading
    from runproxy.config import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])

FORMATS: Final = ("table", "json", "jsonl", "csv")
_FILTERS: Final = ("since", "until", "team", "key", "decision", "route", "about", "rule", "near")

# Only this is taken from the environment: what is asked is said on the command line.
store_option = click.option(
    "--store",
    envvar="RUNPROXY_AUDIT_STORE",
    metavar="FILE",
    help="The audit store.  [default: audit.store of the settings]",
)
format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print it."
)
_asking = (
    click.option("--since", metavar="WHEN", help="Calls from then on: 7d, or a time such as 2026-11-22T17:00."),
    click.option("--until", metavar="WHEN", help="Calls before then."),
    click.option("--team", metavar="NAME", help="Calls of this team; - for those of no known team."),
    click.option("--key", metavar="KEY", help="Calls that carry this key."),
    click.option("--where", multiple=True, metavar="KEY=VALUE", help="Calls that carry this pair."),
    click.option("--decision", metavar="WORD", help="Calls that were accepted, warned or refused."),
    click.option("--route", metavar="NAME", help="Calls to this route."),
    click.option("--about", metavar="ID", help="The call of this request, or those about this thread or run."),
    click.option(
        "--rule",
        metavar="CODE",
        help="Calls that broke this rule; CODE:refused those that it refused, CODE:warned those that went on.",
    ),
    click.option("--near", metavar="LIMIT", help="Calls near a limit of the API: pairs, key, value, or value:KEY."),
    store_option,
)


def filter_options(command: _Command) -> _Command:
    """Add the options that say which calls are meant."""
    for option in reversed(_asking):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: a connection that reads, and which calls are meant."""

    connection: "Reading"
    filter: "Filter"


@contextmanager
def asking(options: dict[str, Any], since: str | None = None) -> Iterator[Asked]:
    """Open the store that options name, and read the filter in them; `since` counts where none is given."""
    from runproxy.cli.reading import settings_here

    settings = settings_here()
    asked = filter_of({**options, "since": options["since"] or since}, settings)
    with opened(options["store"], settings) as store, store.reading() as connection:
        yield Asked(connection, asked)


@contextmanager
def opened(named: str | None, settings: "Settings") -> Iterator["AuditStore"]:
    """Open a store: the one named, else that of the settings."""
    from runproxy.audit.store import AuditStore

    store = AuditStore.open(Path(named or settings.audit.store))
    try:
        yield store
    finally:
        store.close()


def filter_of(options: dict[str, Any], settings: "Settings") -> "Filter":
    """Read which calls are meant; values are also looked for as hashes, where the secret of those is there."""
    from runproxy.audit.filters import Filter
    from runproxy.audit.values import Keeping

    given = {name: options.get(name) for name in _FILTERS}
    forms_of = Keeping.for_asking(settings.audit).forms_of
    return Filter.parse(given, options["where"], now=datetime.now(UTC), forms_of=forms_of)
