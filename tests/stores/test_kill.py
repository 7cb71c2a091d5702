"""Acknowledged means recorded: a recording proxy is killed under load, and every answer it gave is on file."""

import asyncio
import contextlib
import multiprocessing
import random
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import pytest

from runproxy.messages import Response
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import JSON_HEADERS, Report, ScriptedUpstream, ask, modify, proxy, serving

ORDINARY_ROUNDS = 5
SLOW_ROUNDS = 100
SIZES = (200, 20_000, 2_000_000)


def _serve(folder: Path, base_url: str, ready: Connection) -> None:
    async def serve() -> None:
        async with proxy(folder, "record", base_url) as recording:
            ready.send(recording.url)
            await asyncio.Event().wait()

    asyncio.run(serve())


async def _ask_until_killed(url: str, worker: int, acknowledged: list[str]) -> None:
    with contextlib.suppress(aiohttp.ClientError, OSError):
        for number in range(100_000):
            name = f"{worker}-{number}"
            (answered,) = await ask(url, modify({"call": name}))
            assert answered.headers["x-runproxy-outcome"] == "recorded"
            acknowledged.append(name)


async def _round(folder: Path, base_url: str, delay_s: float) -> list[str]:
    """Start a proxy, load it, kill it, and tell which calls were answered in full."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, base_url, there))
    process.start()
    url = await asyncio.to_thread(here.recv)
    acknowledged: list[str] = []
    workers = [asyncio.create_task(_ask_until_killed(url, worker, acknowledged)) for worker in range(8)]
    await asyncio.sleep(delay_s)
    process.kill()
    await asyncio.gather(*workers)
    await asyncio.to_thread(process.join)
    return acknowledged


@pytest.mark.parametrize(
    "rounds",
    [ORDINARY_ROUNDS, pytest.param(SLOW_ROUNDS, marks=pytest.mark.slow)],
    ids=lambda rounds: f"{rounds}-rounds",
)
async def test_no_acknowledged_answer_is_lost(tmp_path: Path, rounds: int, report: Report) -> None:
    """Killed at random moments, the proxy leaves a cassette that loads and holds every answer a client got."""
    chance = random.Random(rounds)
    bodies = [b'{"size": "' + b"x" * size + b'"}' for size in SIZES]
    upstream = ScriptedUpstream(make=lambda _: Response(200, JSON_HEADERS, chance.choice(bodies)))
    total = torn = 0
    async with serving(upstream) as base_url:
        for number in range(rounds):
            folder = tmp_path / str(number)
            acknowledged = await _round(folder, base_url, chance.uniform(0.05, 0.5))
            store = FileStore(folder, WriteGate())
            interactions = store.load("default") if store.names() else ()
            found = [interaction.request.body.decode() for interaction in interactions]
            lost = [name for name in acknowledged if not any(f'"{name}"' in body for body in found)]
            assert lost == []
            total += len(acknowledged)
            torn += bool(store.names()) and not store.path("default").read_bytes().endswith(b"\n  ]\n}\n")
    report("kill -9", {"rounds": rounds, "acknowledged": total, "lost": 0, "torn": torn})
    assert total > 0
