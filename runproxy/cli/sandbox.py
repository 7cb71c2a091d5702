"""`runproxy sandbox`: a local upstream to record from."""

from typing import TYPE_CHECKING

import click

from runproxy.cli.group import quiet_option, say
from runproxy.cli.options import listening_options, port_option
from runproxy.cli.output import counted

if TYPE_CHECKING:  # loaded by the command itself
    from runproxy.sandbox import Sandbox

DEFAULT_PORT = 8789
STANDING_CLOCK = 1_699_075_072  # when the run of the API reference was made


@click.command(context_settings={"auto_envvar_prefix": "RUNPROXY_SANDBOX"})  # beside a proxy with settings of its own
@port_option(DEFAULT_PORT)
@listening_options
@click.option("--api-key", metavar="KEY", help="The only key taken.  [default: any]")
@click.option("--active-polls", type=click.IntRange(0), default=0, help="Looks that find a new run active.")
@click.option("--repeatable", is_flag=True, help="Ids that count up and a clock that stands, for equal sessions.")
@quiet_option
def sandbox(
    *,
    host: str | None,
    port: int | None,
    ready_file: str | None,
    api_key: str | None,
    active_polls: int,
    repeatable: bool,
) -> None:
    """Run a local upstream with threads and runs, in memory.

    It holds the run of the API reference: thread_abc123, run_abc123.

    \b
    Example:
      runproxy sandbox --port 8789
    """
    from runproxy.sandbox import Sandbox, counted_ids, random_id

    upstream = Sandbox(
        new_id=counted_ids() if repeatable else random_id,
        now=(lambda: STANDING_CLOCK) if repeatable else None,
        api_key=api_key,
        active_polls=active_polls,
    )
    upstream.add_documented_run()
    import asyncio

    asyncio.run(_serve(upstream, host or "127.0.0.1", DEFAULT_PORT if port is None else port, ready_file or ""))


async def _serve(upstream: "Sandbox", host: str, port: int, ready_file: str) -> None:
    from runproxy.sandbox import running_sandbox
    from runproxy.server import ReadyFile, watch_signals

    async with running_sandbox(upstream, host, port) as url:
        base_url = f"{url}/v1"
        say(f"sandbox listens on {url}\n\n  runproxy record --upstream {base_url} --cassette first\n")
        until_stopped = watch_signals(say)
        with ReadyFile(ready_file, {"url": url, "base_url": base_url}):
            await until_stopped()
    say(f"Stopped: {counted(len(upstream.calls), 'call')} answered.")
