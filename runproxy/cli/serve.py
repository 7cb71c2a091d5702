"""`runproxy record`, `replay` and `serve`: the proxy itself."""

import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.group import FROM_ENVIRONMENT, quiet_option, say, warn
from runproxy.cli.options import ci_option, mode_option, serving_options, upstream_options
from runproxy.cli.output import counted
from runproxy.cli.reading import settings_reader

if TYPE_CHECKING:  # pydantic is only loaded once a server starts
    from collections import Counter
    from collections.abc import Awaitable, Callable, Coroutine

    from runproxy.composition import Proxy
    from runproxy.config import Settings
    from runproxy.redaction import WriteGate
    from runproxy.workers import Workers


AZURE_BASE_PATH: Final = "/openai"
DRIFTED: Final = 1
"""The exit code of mode verify when an answer differed from its recording."""


@click.command(context_settings=FROM_ENVIRONMENT)
@upstream_options
@serving_options
@ci_option
@quiet_option
def record(**flags: Any) -> None:
    """Forward calls to an upstream and record them.

    \b
    Example:
      runproxy record --upstream http://127.0.0.1:8789/v1 --cassette first
    """
    run(flags, mode="record")


@click.command(context_settings=FROM_ENVIRONMENT)
@serving_options
@quiet_option
def replay(**flags: Any) -> None:
    """Answer calls from a cassette; no upstream is needed or used.

    \b
    Example:
      runproxy replay --cassette quickstart
    """
    run(flags, mode="replay")


@click.command(context_settings=FROM_ENVIRONMENT)
@mode_option
@upstream_options
@serving_options
@ci_option
@quiet_option
def serve(**flags: Any) -> None:
    """Run the proxy with all its settings, from flags, RUNPROXY_* variables and a file.

    Exit code 1 in mode verify: an answer has drifted from its recording.

    \b
    Example:
      runproxy serve --mode auto --upstream http://127.0.0.1:8789/v1
      runproxy serve --mode verify --upstream http://127.0.0.1:8789/v1
    """
    run(flags)


def run(flags: dict[str, Any], mode: str | None = None) -> None:
    """Read the settings and serve until told to stop."""
    from runproxy.logs import configure_logs
    from runproxy.redaction import WriteGate

    read = settings_reader({**flags, "mode": mode or flags.get("mode")})
    settings = read()
    gate = WriteGate()
    configure_logs(settings.log.level, settings.log.format, gate.lets_pass)
    if code := run_loop(_serve(settings, read, gate)):
        sys.exit(code)


def run_loop(work: "Coroutine[Any, Any, int]") -> int:
    """Run on the fastest event loop there is, and give the exit code."""
    try:
        import uvloop
    except ImportError:
        import asyncio

        return asyncio.run(work)
    else:
        code: int = uvloop.run(work)
        return code


async def _serve(settings: "Settings", reread: "Callable[[], Settings]", gate: "WriteGate") -> int:
    """Serve until told to stop, and give the exit code."""
    from runproxy.composition import running_proxy
    from runproxy.server import allow_open_files, files_needed, watch_signals

    if (files := allow_open_files(needed := files_needed(settings.limits.max_connections))) < needed:
        warn(f"Only {files} files may be open at a time, and limits.max_connections may need {needed}: see ulimit -n.")
    if settings.listen.workers > 1:
        return await _serve_with_workers(settings, reread)
    async with running_proxy(settings, reread, gate) as proxy:
        until_stopped = watch_signals(say, proxy.reloader.reload)
        await _serve_until(until_stopped, settings, proxy)
    return _farewell(settings, proxy.service.outcomes, has_drifted=bool(proxy.drifts.latest))


async def _serve_with_workers(settings: "Settings", reread: "Callable[[], Settings]") -> int:
    from runproxy.server import watch_signals
    from runproxy.workers import running_workers

    async with running_workers(settings, reread) as workers:
        until_stopped = watch_signals(say, workers.reload_soon, workers.crew.kill)
        await _serve_until(lambda: workers.until(until_stopped), settings, workers)
    if workers.crew.untold:
        warn(f"Not counted: the calls of {counted(workers.crew.untold, 'worker')} that died.")
    code = _farewell(settings, workers.crew.calls, has_drifted=workers.crew.has_drifted)
    return code or (0 if workers.is_orderly else 1)


async def _serve_until(
    until_stopped: "Callable[[], Awaitable[None]]", settings: "Settings", running: "Proxy | Workers"
) -> None:
    """Tell that calls are answered, and serve until it is time to stop."""
    import asyncio

    from runproxy.server import ReadyFile

    ready: dict[str, object] = {"url": running.url, "base_url": running.base_url, "admin_url": running.admin_url}
    ready |= {"unix_socket": settings.listen.unix_socket} if settings.listen.unix_socket else {}
    with ReadyFile(settings.listen.ready_file, ready):
        _banner(settings, running)
        await until_stopped()
        running.serving.clear()
        await asyncio.sleep(settings.limits.drain_notice_s)


def _farewell(settings: "Settings", outcomes: "Counter[str]", *, has_drifted: bool) -> int:
    """Tell what has been done, and give the exit code."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    if settings.mode != "verify":
        say(f"Stopped: {counts or 'no calls'}; everything acknowledged is on file.")
        return 0
    say(f"Stopped: {counts or 'no calls'}.")
    return DRIFTED if has_drifted else 0


def _banner(settings: "Settings", proxy: "Proxy | Workers") -> None:
    from runproxy.composition.auditing import is_audited

    socket, count = settings.listen.unix_socket, settings.listen.workers
    workers = f"; {count} workers" if count > 1 else ""
    lines = [f"runproxy listens on {socket or proxy.url}  (mode {settings.mode}; admin {proxy.admin_url}{workers})"]
    if settings.mode != "replay":
        lines.append(f"  upstream   {_upstream(settings)}")
    if settings.mode != "passthrough":
        note = "" if proxy.is_loaded or settings.mode != "replay" else "  (not there yet)"
        lines.append(f"  cassette   {settings.cassettes.default}  in {settings.cassettes.dir}{note}")
    rules = proxy.reloader.summary()
    teams = f"; teams: {', '.join(rules.teams)}" if rules.teams else ""
    lines.append(f"  guard      {', '.join(rules.guarded) or 'no route'}; policy: {rules.policy}{teams}")
    if is_audited(settings):
        lines.append(f"  audit      {settings.audit.store}")
    if settings.faults:
        lines.append(f"  FAULTS ON  calls are made to fail, on purpose; seed {settings.fault_seed}:")
        lines += [f"             {fault.described}" for fault in settings.faults]
    use = f"curl --unix-socket {shlex.quote(socket)} {proxy.base_url}/…" if socket else ""
    lines += ["", f"  {use or _export(proxy.base_url)}", ""]
    say("\n".join(lines))


def _upstream(settings: "Settings") -> str:
    """Tell where calls go, and whose credential they bring there."""
    profile = settings.profile
    if profile is None or not profile.name:
        return settings.upstream
    credential = f", with the credential in {profile.credential_env}" if profile.credential_env else ""
    return f"{profile.name} ({profile.kind}): {profile.address}{credential}"


def _export(base_url: str) -> str:
    """Say what an SDK needs; that for Azure adds the `/openai` itself."""
    if base_url.endswith(AZURE_BASE_PATH):
        return f"export AZURE_OPENAI_ENDPOINT={base_url.removesuffix(AZURE_BASE_PATH)}"
    return f"export OPENAI_BASE_URL={base_url}"
