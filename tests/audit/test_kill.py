"""Every call that reached the upstream has a committed intent: proxies are killed under load, and no call is lost."""

import asyncio
import contextlib
import json
import multiprocessing
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import pytest

from runproxy.audit.filters import Filter
from runproxy.audit.reading import all_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from runproxy.messages import Request, Response
from tests.parts import Report, ScriptedUpstream, ask, echo, modify, proxy, serving

ORDINARY_ROUNDS = 5
SLOW_ROUNDS = 100
CLIENTS = 8


def _serve(store: Path, base_url: str, ready: Connection) -> None:
    async def serve() -> None:
        rules = {"audit": {"store": str(store)}}
        async with proxy(store.parent, "passthrough", base_url, rules=rules) as running:
            ready.send(running.url)
            await asyncio.Event().wait()

    asyncio.run(serve())


@asynccontextmanager
async def _killed_in_the_end(store: Path, base_url: str, processes: int) -> AsyncIterator[list[str]]:
    """Start proxies that share a store, give their origins, and kill them all."""
    running, urls = [], []
    for _ in range(processes):
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(store, base_url, there))
        process.start()
        running.append(process)
        urls.append(here.recv)
    try:
        yield [await asyncio.to_thread(receive) for receive in urls]
    finally:
        for process in running:
            process.kill()
        for process in running:
            await asyncio.to_thread(process.join)


async def _ask_until_killed(url: str, worker: str, answered: list[str]) -> None:
    with contextlib.suppress(aiohttp.ClientError, OSError):
        for number in range(100_000):
            name = f"{worker}-{number}"
            (got,) = await ask(url, modify({"call": name}))
            assert got.status == 200
            answered.append(name)


@pytest.mark.parametrize(
    ("rounds", "processes"),
    [
        pytest.param(ORDINARY_ROUNDS, 1, id="one-process"),
        pytest.param(ORDINARY_ROUNDS, 2, id="two-processes"),
        pytest.param(SLOW_ROUNDS, 1, marks=pytest.mark.slow, id="one-process-slow"),
        pytest.param(SLOW_ROUNDS, 2, marks=pytest.mark.slow, id="two-processes-slow"),
    ],
)
async def test_no_call_that_reached_the_upstream_is_lost(
    tmp_path: Path, rounds: int, processes: int, report: Report
) -> None:
    """One store goes through all rounds: it proves itself after each, and holds every call that the upstream saw."""
    chance = random.Random(rounds)
    reached: set[str] = set()
    answered: list[str] = []

    def note(request: Request) -> Response:
        reached.add(json.loads(request.body)["metadata"]["call"])
        return echo(request)

    store = tmp_path / "audit.db"
    async with serving(ScriptedUpstream(make=note)) as base_url:
        for number in range(rounds):
            async with _killed_in_the_end(store, base_url, processes) as urls:
                clients = [
                    asyncio.create_task(_ask_until_killed(urls[one % processes], f"{number}-{one}", answered))
                    for one in range(CLIENTS)
                ]
                await asyncio.sleep(chance.uniform(0.05, 0.6))
            await asyncio.gather(*clients)
            assert reached - set(_on_file(store)) == set()
    found = _on_file(store)
    figures: Counter[str] = Counter(rounds=rounds, reached=len(reached), answered=len(answered), on_file=len(found))
    figures["unknown"] = sum(outcome == "unknown" for outcome in found.values())
    figures["lost"] = len(reached - set(found))
    report(f"kill -9 with an audit, {processes} at a time", figures)
    assert set(answered) <= reached
    assert figures["reached"]


def _on_file(path: Path) -> dict[str, str]:
    """Give the calls on file, by name, with their outcomes; the store proves itself."""
    store = AuditStore.open(path)
    try:
        assert verify(store).problems == ()
        with store.reading() as connection:
            return {
                str(one.event.pairs[0].value): one.outcome.outcome if one.outcome else "unknown"
                for one in all_calls(connection, Filter())
            }
    finally:
        store.close()
