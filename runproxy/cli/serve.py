"""`runproxy record`, `replay` and `serve`: the proxy itself."""

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.group import FROM_ENVIRONMENT, say
from runproxy.cli.options import ci_option, mode_option, serving_options, upstream_options
from runproxy.cli.reading import settings_reader

if TYPE_CHECKING:  # pydantic is only loaded once a server starts
    from collections.abc import Callable

    from runproxy.composition import Proxy
    from runproxy.config import Settings
    from runproxy.redaction import WriteGate


AZURE_BASE_PATH: Final = "/openai"
DRIFTED: Final = 1
"""The exit code of mode verify when an answer differed from its recording."""


@click.command(context_settings=FROM_ENVIRONMENT)
@upstream_options
@serving_options
@ci_option
def record(**flags: Any) -> None:
    """Forward calls to an upstream and record them.

    \b
    Example:
      runproxy record --upstream http://127.0.0.1:8789/v1 --cassette first
    """
    run(flags, mode="record")


@click.command(context_settings=FROM_ENVIRONMENT)
@serving_options
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
    if code := _run_loop(settings, read, gate):
        sys.exit(code)


def _run_loop(settings: "Settings", reread: "Callable[[], Settings]", gate: "WriteGate") -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_serve(settings, reread, gate))
    else:
        code: int = uvloop.run(_serve(settings, reread, gate))
        return code


async def _serve(settings: "Settings", reread: "Callable[[], Settings]", gate: "WriteGate") -> int:
    """Serve until told to stop, and give the exit code."""
    from runproxy.composition import running_proxy
    from runproxy.server import ReadyFile, allow_open_files, files_needed, watch_signals

    if (files := allow_open_files(needed := files_needed(settings.limits.max_connections))) < needed:
        say(f"Only {files} files may be open at a time, and limits.max_connections may need {needed}: see ulimit -n.")
    async with running_proxy(settings, reread, gate) as proxy:
        ready = {"url": proxy.url, "base_url": proxy.base_url, "admin_url": proxy.admin_url}
        ready |= {"unix_socket": settings.listen.unix_socket} if settings.listen.unix_socket else {}
        until_stopped = watch_signals(say, proxy.reloader.reload)
        with ReadyFile(settings.listen.ready_file, ready):
            _banner(settings, proxy)
            await until_stopped()
            proxy.serving.clear()
            await asyncio.sleep(settings.limits.drain_notice_s)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(proxy.service.outcomes.items()))
    if settings.mode != "verify":
        say(f"Stopped: {counts or 'no calls'}; everything acknowledged is on file.")
        return 0
    say(f"Stopped: {counts or 'no calls'}.")
    return DRIFTED if proxy.drifts.latest else 0


def _banner(settings: "Settings", proxy: "Proxy") -> None:
    socket = settings.listen.unix_socket
    lines = [f"runproxy listens on {socket or proxy.url}  (mode {settings.mode}; admin {proxy.admin_url})"]
    if settings.mode != "replay":
        lines.append(f"  upstream   {_upstream(settings)}")
    if settings.mode != "passthrough":
        note = "" if proxy.is_loaded or settings.mode != "replay" else "  (not there yet)"
        lines.append(f"  cassette   {settings.cassettes.default}  in {settings.cassettes.dir}{note}")
    rules = proxy.reloader.summary()
    teams = f"; teams: {', '.join(rules.teams)}" if rules.teams else ""
    lines.append(f"  guard      {', '.join(rules.guarded) or 'no route'}; policy: {rules.policy}{teams}")
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
