"""Requests per second of runproxy beside bare aiohttp, in one run, as ratios. Run by hand:

    python -m tests.benchmarks.throughput [--seconds 5] [--rounds 3] [--interactions 1 1000] [--only REGEX]

Every server has core 0 to itself; the load (wrk, or a Python fallback) and the upstream share core 1. Rounds are
interleaved, so that a slow spell of the machine falls on all alike; the median counts.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from runproxy.cassettes import layout
from runproxy.config import make_settings

BODY = b'{"metadata":{"user_id":"user_abc123"}}'
PATH = "/v1/threads/thread_abc123/runs/run_abc123"
CONNECTIONS = 32
QUICKSTART = Path(__file__).parents[2] / "cassettes" / "quickstart.json"
UNGUARDED = "passthrough, no guard"
RULED = "passthrough, all rules"
PLAIN = "passthrough"
AUDITED = "passthrough, audited"
RULES = {
    "guard": {"routes": "all"},
    "attribution": {"teams": {"search": {"projects": ["proj_search"]}}},
    "policy": {
        "required": ["user_id"],
        "key_pattern": "[a-z_]+",
        "unknown_keys": "reject",
        "forbidden_shapes": ["email", "phone", "credit_card", "token"],
        "near_limit_percent": 90,
        "keys": {"user_id": {"pattern": "user_[a-z0-9]+", "max_chars": 64}},
    },
}
QUIET: dict[str, Any] = {"log": {"calls": False}}
Main = Callable[[str], Coroutine[Any, Any, None]]


def run_body() -> bytes:
    """Give the answer that every server here gives: the run of the API reference, about 1 KB."""
    stored = orjson.loads(QUICKSTART.read_bytes())["interactions"][0]["response"]["body"]["json"]
    return orjson.dumps(stored, option=orjson.OPT_INDENT_2)


async def bare_application(_: str) -> None:
    """A `web.Application` with one route and a fixed body."""
    body = run_body()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post(PATH, handle)
    await _serve(web.AppRunner(app, access_log=None))


async def bare_server(_: str) -> None:
    """A low-level `web.Server` with a fixed body."""
    body = run_body()

    async def handle(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    await _serve(web.ServerRunner(web.Server(handle, access_log=None)))


async def bare_proxy(upstream: str) -> None:
    """The least a reverse proxy can be: `web.Server` and `ClientSession`."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:

        async def handle(request: web.BaseRequest) -> web.Response:
            body = await request.read()
            url = upstream + request.raw_path
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
                return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")

        await _serve(web.ServerRunner(web.Server(handle, access_log=None)))


async def runproxy(argument: str) -> None:
    """A runproxy with the settings given as JSON."""
    from runproxy.composition import running_proxy  # noqa: PLC0415 - not for the other servers

    async with running_proxy(make_settings(json.loads(argument), "benchmark")) as proxy:
        await _announce(proxy.url)


async def _serve(runner: web.BaseRunner) -> None:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await _announce(site.name)


async def _announce(url: str) -> None:
    print(url, flush=True)
    await asyncio.Event().wait()  # until killed


SERVERS: dict[str, Main] = {main.__name__: main for main in (bare_application, bare_server, bare_proxy, runproxy)}


def cassette_text(count: int) -> bytes:
    """Write a cassette of so many runs; the call that is measured is the last."""
    quickstart = orjson.loads(QUICKSTART.read_bytes())
    seed = quickstart["interactions"][0]
    others = []
    for number in range(count - 1):
        request = {**seed["request"], "path": f"/v1/threads/thread_abc123/runs/run_{number}"}
        others.append({**seed, "request": request})
    return layout.reformat(orjson.dumps({**quickstart, "interactions": [*others, seed]}), "made here")


@contextmanager
def server(kind: str, argument: str = "", core: int = 0) -> Iterator[str]:
    """Run a server in a process of its own, on one core, and give its origin."""
    command = [sys.executable, "-m", "tests.benchmarks.throughput", "--serve", kind, "--argument", argument]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        os.sched_setaffinity(process.pid, {core})
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def load(url: str, seconds: int) -> float:
    """Load a server for a while, and give its requests per second."""
    if shutil.which("wrk") is None:
        return asyncio.run(_python_load(url + PATH, seconds))
    script = Path(tempfile.gettempdir()) / "runproxy-benchmark.lua"
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{BODY.decode()}'\nwrk.headers['Content-Type'] = 'application/json'\n"
        "wrk.headers['Authorization'] = 'Bearer benchmark-credential'\n"
        "wrk.headers['OpenAI-Beta'] = 'assistants=v2'\n"
    )
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url + PATH]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"the server refused: {output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert found
    return float(found[1])


async def _python_load(url: str, seconds: int) -> float:
    count = 0
    end = time.monotonic() + seconds
    headers = {"Content-Type": "application/json", "Authorization": "Bearer benchmark-credential"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            nonlocal count
            while time.monotonic() < end:
                async with session.post(url, data=BODY, headers=headers) as answer:
                    await answer.read()
                    answer.raise_for_status()
                count += 1

        await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return count / seconds


def contenders(folder: Path, upstream: str, counts: list[int]) -> Iterator[tuple[str, str, str]]:
    """List what is measured: a name, the kind of server, and its argument."""
    yield "bare web.Application", "bare_application", ""
    yield "bare web.Server", "bare_server", ""
    for count in counts:
        (folder / f"of-{count}.json").write_bytes(cassette_text(count))
        yield f"runproxy replay, {count:,}", "runproxy", _settings(folder, "replay", default=f"of-{count}", **QUIET)
        yield f"runproxy replay, {count:,}, logged", "runproxy", _settings(folder, "replay", default=f"of-{count}")
    yield "bare reverse proxy", "bare_proxy", upstream
    for name, mode, rules in (
        (PLAIN, "passthrough", QUIET),
        ("passthrough, logged", "passthrough", {}),
        (UNGUARDED, "passthrough", {"guard": {"routes": []}, **QUIET}),
        (RULED, "passthrough", {**RULES, **QUIET}),
        (AUDITED, "passthrough", {**QUIET, "audit": {"store": str(folder / "audit.db")}}),
        ("record", "record", QUIET),
    ):
        settings = _settings(folder, mode, upstream=f"{upstream}/v1", default="recorded", **rules)
        yield f"runproxy {name}", "runproxy", settings


def _settings(folder: Path, mode: str, upstream: str = "", default: str = "", **rules: object) -> str:
    return json.dumps(
        {
            "audit": {"modes": []},
            **rules,
            "mode": mode,
            "upstream": upstream,
            "allow_record_in_ci": True,
            "listen": {"port": 0, "admin_port": 0},
            "cassettes": {"dir": str(folder), "default": default},
        }
    )


def measure(seconds: int, rounds: int, counts: list[int], only: str) -> dict[str, float]:
    """Measure all contenders whose names match, round by round, and give the medians."""
    figures: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(server("bare_server", core=1))
        for _ in range(rounds):
            for name, kind, argument in contenders(folder, upstream, counts):
                if not re.search(only, name):
                    continue
                (folder / "recorded.json").unlink(missing_ok=True)
                with server(kind, argument) as url:
                    load(url, 1)
                    figures.setdefault(name, []).append(load(url, seconds))
    return {name: statistics.median(values) for name, values in figures.items()}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--interactions", type=int, nargs="+", default=[1, 1000])
    parser.add_argument("--only", default="", metavar="REGEX", help="measure only what matches")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--argument", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        import uvloop  # noqa: PLC0415 - only the servers run on it

        uvloop.run(SERVERS[given.serve](given.argument))
        return
    os.sched_setaffinity(0, {1})
    figures = measure(given.seconds, given.rounds, given.interactions, given.only)
    for name, rate in figures.items():
        bases = [base for base in _bases(name) if base in figures]
        ratios = "   ".join(f"{rate / figures[base]:5.2f} of {base}" for base in bases)
        print(f"{name:32} {rate:10,.0f}/s   {ratios}")


def _bases(name: str) -> tuple[str, ...]:
    if "passthrough" in name:
        plain = f"runproxy {PLAIN if name.endswith(AUDITED) else UNGUARDED}"
        return ("bare reverse proxy", plain)
    return ("bare reverse proxy",) if "record" in name else ("bare web.Server",)


if __name__ == "__main__":
    main()
