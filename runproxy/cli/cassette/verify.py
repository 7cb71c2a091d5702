"""`runproxy cassette verify`: whether recordings still tell the truth."""

import json
import os
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.cassette.configured import settings_redactor
from runproxy.cli.cassette.diff import ignoring_of, shown
from runproxy.cli.cassette.folder import find_file, folder_option, read_cassette
from runproxy.cli.cassette.progress import watched
from runproxy.cli.completing import cassettes
from runproxy.cli.group import warn
from runproxy.cli.output import counted, on_one_line
from runproxy.cli.reading import settings_here
from runproxy.errors import UpstreamError

if TYPE_CHECKING:
    from runproxy.cassettes import Cassette
    from runproxy.composition.resending import Checked, Resending
    from runproxy.upstream import Profile

_UNAUTHORIZED: Final = 401  # RFC 9110 section 15.5.2
_KINDS: Final = ("status", "shape", "values")


@click.command()
@click.argument("name", shell_complete=cassettes)
@click.option("--upstream", metavar="URL", required=True, help="Base URL of the server to ask, or a profile's name.")
@click.option("--api-key-env", metavar="VARIABLE", help="Send the value of this variable as a bearer token.")
@click.option(
    "--header-env", "headers", multiple=True, metavar="HEADER=VARIABLE", help="Send a header from a variable."
)
@click.option(
    "--include-unsafe", is_flag=True, help="Send POST, DELETE and the like too, which may change things there."
)
@click.option("--kinds", metavar="KINDS", default=",".join(_KINDS), show_default=True, help="What counts as drift.")
@click.option(
    "--ignore", "pointers", multiple=True, metavar="POINTER", help="Pass over this place in bodies of answers."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@folder_option
def verify(
    *,
    name: str,
    upstream: str,
    api_key_env: str | None,
    headers: tuple[str, ...],
    include_unsafe: bool,
    kinds: str,
    pointers: tuple[str, ...],
    as_json: bool,
    folder: str | None,
) -> None:
    """Send the recorded requests to a server again, and tell where its answers have drifted from the recorded ones.

    NAME is that of a cassette or the path of a file, which stays as it is. Drift is of three kinds: status, shape
    (members, types, content type) and values. Recordings hold no credentials, so name the variables that do. Only GET
    and HEAD are sent, unless --include-unsafe is given.

    Exit code 0: no drift; 1: drift, shown; 2: the server cannot be asked, or the cassette cannot be read.

    \b
    Example:
      runproxy cassette verify quickstart --include-unsafe \\
        --upstream http://127.0.0.1:8789/v1 --ignore /created_at
      runproxy cassette verify all --kinds status,shape \\
        --upstream https://host/v1 --api-key-env API_KEY
    """
    from runproxy.composition.resending import Resending
    from runproxy.upstream import Profile

    cassette, settings = read_cassette(find_file(name, folder)), settings_here()
    profile = Profile.choose(upstream, settings.upstreams, settings.connection)
    resending = Resending(
        profile,
        _checked(_headers_from_environment(api_key_env, headers), profile),
        settings_redactor(),
        ignoring_of(pointers),
        _kinds(kinds),
        include_unsafe=include_unsafe,
    )
    checked: list[Checked] = []
    try:
        import asyncio

        asyncio.run(_check_all(resending, cassette, checked))
    except UpstreamError as error:
        trouble = error.message
    else:
        trouble = ""
    _tell(checked, trouble, as_json=as_json)
    if trouble:
        sys.exit(2)
    if any(one.drifts for one in checked):
        sys.exit(1)


async def _check_all(resending: "Resending", cassette: "Cassette", checked: "list[Checked]") -> None:
    """Check one recording after the other; raises `UpstreamError`, and what was checked until then is told."""
    async with resending.connected(cassette) as check:
        for position in watched(range(len(cassette)), "Asking"):
            checked.append(await check(position, cassette[position]))


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(kind.strip() for kind in text.split(","))
    if unknown := sorted(set(kinds) - set(_KINDS)):
        raise click.UsageError(f"--kinds: there is no kind {unknown[0]!r}; there are {', '.join(_KINDS)}.")
    return kinds


def _headers_from_environment(api_key_env: str | None, headers: tuple[str, ...]) -> list[tuple[str, str]]:
    """Read credentials where no command line shows them."""
    from runproxy.messages import is_token

    found = [("Authorization", f"Bearer {_variable(api_key_env)}")] if api_key_env else []
    for given in headers:
        name, equals, variable = given.partition("=")
        if not (equals and is_token(name)):
            raise click.UsageError("--header-env: HEADER=VARIABLE was expected, such as 'api-key=API_KEY'.")
        found.append((name, _variable(variable)))
    return found


def _checked(headers: list[tuple[str, str]], profile: "Profile") -> list[tuple[str, str]]:
    """Refuse a credential that would not be sent, for the profile has one of its own."""
    from runproxy.redaction import carries_credential

    if profile.credential_env and any(carries_credential(name) for name, _ in headers):
        raise click.UsageError(
            f"[{profile.place}] sends the credential in {profile.credential_env}, and no other. Name none here, or "
            "give the upstream by its URL."
        )
    return headers


def _variable(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise click.UsageError(f"The environment variable {name} is not set, or empty.")
    return value


def _tell(checked: "list[Checked]", trouble: str, *, as_json: bool) -> None:
    drifted = [one for one in checked if one.drifts]
    skipped = [one for one in checked if one.skipped]
    if as_json:
        counts = {"verified": len(checked) - len(drifted) - len(skipped), "drifted": len(drifted)}
        told = {**counts, "skipped": len(skipped), "calls": [_as_json(one) for one in checked]}
        click.echo(json.dumps({**told, "trouble": trouble or None}))
        return
    for one in drifted:
        click.echo(on_one_line(f"~ {one.call}"))
        for drift in one.drifts:
            text = f"    {drift.kind:6}  {drift.where}: {shown(drift.recorded)} -> {shown(drift.fresh)}"
            click.echo(on_one_line(text))
    click.echo(
        f"{len(checked) - len(drifted) - len(skipped)} verified, {len(drifted)} drifted, {len(skipped)} not sent"
    )
    for reason, count in Counter(one.skipped for one in skipped).items():
        warn(f"Not sent: {counted(count, 'call')} {reason}.")
    if any((drift.where, drift.fresh) == ("response.status", _UNAUTHORIZED) for one in drifted for drift in one.drifts):
        warn("The server asks for a credential: name the variable that holds it, with --api-key-env or --header-env.")
    if trouble:
        warn(f"Error: {trouble} {counted(len(checked), 'call')} had been asked before.")


def _as_json(one: "Checked") -> dict[str, Any]:
    """Leave out a side that has nothing there, which is not the same as null."""
    from runproxy.cassettes.values import ABSENT

    drifts = [
        {
            name: value
            for name, value in asdict(drift).items()
            if value is not ABSENT and not (name == "pointer" and value is None)
        }
        for drift in one.drifts
    ]
    return {"position": one.position, "call": one.call, "drifts": drifts, "skipped": one.skipped or None}
