"""`runproxy demo`: record, guard and replay in a few seconds, with no key and no network."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.completing import folders
from runproxy.cli.group import FROM_ENVIRONMENT

if TYPE_CHECKING:  # loaded once the demo runs
    from runproxy.config import Settings
    from runproxy.messages import Request, Response

CASSETTE = "demo"
_ADDRESS = "/v1/threads/thread_abc123/runs/run_abc123"
_ACCEPTED = {"user_id": "user_abc123", "team": "search"}
_REFUSED = {f"key_{number:02d}": "value" for number in range(1, 18)}
_FAKE_CREDENTIAL = "Bearer no-key-is-needed"


@click.command(context_settings=FROM_ENVIRONMENT)
@click.option(
    "--dir",
    "folder",
    envvar="RUNPROXY_DIR",
    metavar="DIR",
    shell_complete=folders,
    help="Folder for the cassette.  [default: a new temporary one]",
)
def demo(folder: str | None) -> None:
    """Record two calls from a local sandbox, stop it, and replay them.

    \b
    Example:
      runproxy demo
    """
    import asyncio
    import tempfile

    from runproxy.logs import configure_logs

    configure_logs("error", "console")
    asyncio.run(_demo(Path(folder or tempfile.mkdtemp(prefix="runproxy-demo-"))))


async def _demo(folder: Path) -> None:
    recorded = await _record(folder)
    click.echo("3. The sandbox is stopped. The same calls again, answered from the cassette:")
    replayed = await _ask(_settings(folder, mode="replay"))
    for first, second in zip(recorded, replayed, strict=True):
        is_same = (first.status, first.body) == (second.status, second.body)
        verdict = "the same bytes" if is_same else "NOT the same bytes"
        click.echo(f"   {_brief(second)}: {verdict} ({len(second.body)})")
        if not is_same:
            raise click.ClickException("replay differs from the recording")
    path = folder / f"{CASSETTE}.json"
    click.echo(f"\nThe cassette is {path}\n\nTry next:")
    click.echo(f"  runproxy cassette show {CASSETTE} --dir {folder}")
    click.echo(f"  runproxy replay --cassette {CASSETTE} --dir {folder}")
    click.echo("  runproxy sandbox     and, beside it,     runproxy record --upstream http://127.0.0.1:8789/v1")


async def _record(folder: Path) -> "list[Response]":
    from runproxy.sandbox import Sandbox, running_sandbox

    sandbox = Sandbox()
    sandbox.add_documented_run()
    async with running_sandbox(sandbox) as origin:
        click.echo(f"1. A sandbox speaks the API on {origin}, and a proxy in front of it records.")
        click.echo(f"2. Two calls of POST {_ADDRESS} through the proxy:")
        answers = await _ask(_settings(folder, mode="record", upstream=f"{origin}/v1"))
    for note, answer in zip(("2 pairs", "17 pairs"), answers, strict=True):
        click.echo(f"   {note}: {_brief(answer)}")
    click.echo(f"   The sandbox saw {len(sandbox.calls)} of the two: the guard refused the other before it was sent.")
    return answers


def _settings(folder: Path, **choices: str) -> "Settings":
    from runproxy.config import make_settings

    values = {
        **choices,
        "allow_record_in_ci": True,
        "audit": {"modes": []},
        "listen": {"port": 0, "admin_port": 0},
        "cassettes": {"dir": str(folder), "default": CASSETTE},
        "log": {"calls": False},  # the demo tells of its calls itself
    }
    return make_settings(values, "demo")


async def _ask(settings: "Settings") -> "list[Response]":
    """Start a proxy and make the two calls over real HTTP."""
    from runproxy.composition import running_proxy
    from runproxy.upstream import Address, Upstream

    async with (
        running_proxy(settings) as proxy,
        Upstream(Address.parse(proxy.url), connect_s=5, total_s=5) as client,
    ):
        return [await client.send(_modify(pairs)) for pairs in (_ACCEPTED, _REFUSED)]


def _modify(pairs: dict[str, str]) -> "Request":
    from runproxy.messages import Request, make_headers

    headers = {
        "Authorization": _FAKE_CREDENTIAL,
        "Content-Type": "application/json",
        "OpenAI-Beta": "assistants=v2",
    }
    return Request("POST", _ADDRESS, make_headers(headers.items()), json.dumps({"metadata": pairs}).encode())


def _brief(answer: "Response") -> str:
    body = json.loads(answer.body)
    if "error" in body:
        return f"{answer.status} {body['error']['code']}"
    return f"{answer.status} {body['id']} {json.dumps(body['metadata'])}"
