"""Acknowledged means recorded: a recording proxy is killed under load, and every answer it gave is on file."""

import asyncio
import contextlib
import json
import multiprocessing
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import pytest

from runproxy.messages import Response
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import JSON_HEADERS, Report, ScriptedUpstream, ask, modify, proxy, serving

ORDINARY_ROUNDS = 20
SLOW_ROUNDS = 500
SIZES = (1_000, 1_000, 1_000, 20_000, 20_000, 400_000, 8 * 1024 * 1024)
CLIENTS = 8


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
            assert answered.headers["x-runproxy-outcome"] in ("recorded", "recording")  # the latter of large ones
            acknowledged.append(name)


@asynccontextmanager
async def _killed_in_the_end(folder: Path, base_url: str, processes: int) -> AsyncIterator[list[str]]:
    """Start recording proxies on one cassette, give their origins, and kill them all."""
    running, urls = [], []
    for _ in range(processes):
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, base_url, there))
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


async def _round(folder: Path, base_url: str, delay_s: float, processes: int) -> list[str]:
    """Start proxies, load them, kill them, and tell which calls were answered in full."""
    acknowledged: list[str] = []
    async with _killed_in_the_end(folder, base_url, processes) as urls:
        workers = [
            asyncio.create_task(_ask_until_killed(urls[worker % processes], worker, acknowledged))
            for worker in range(CLIENTS)
        ]
        await asyncio.sleep(delay_s)
    await asyncio.gather(*workers)
    return acknowledged


@pytest.mark.parametrize(
    ("rounds", "processes"),
    [
        pytest.param(ORDINARY_ROUNDS - 6, 1, id="one-process"),
        pytest.param(6, 2, id="two-processes"),
        pytest.param(SLOW_ROUNDS - 150, 1, marks=pytest.mark.slow, id="one-process-slow"),
        pytest.param(150, 2, marks=pytest.mark.slow, id="two-processes-slow"),
    ],
)
async def test_no_acknowledged_answer_is_lost(tmp_path: Path, rounds: int, processes: int, report: Report) -> None:
    """Killed at random moments, proxies leave a cassette that loads and holds every answer a client got."""
    chance = random.Random(rounds)
    bodies = [b'{"size": "' + b"x" * size + b'"}' for size in SIZES]
    upstream = ScriptedUpstream(make=lambda _: Response(200, JSON_HEADERS, chance.choice(bodies)))
    figures: Counter[str] = Counter()
    async with serving(upstream) as base_url:
        for number in range(rounds):
            folder = tmp_path / str(number)
            acknowledged = await _round(folder, base_url, chance.uniform(0.05, 0.6), processes)
            found, is_torn = _on_file(folder)
            lost = set(acknowledged) - found
            assert lost == set()
            figures.update(rounds=1, acknowledged=len(acknowledged), found=len(found), torn=is_torn, lost=len(lost))
            shutil.rmtree(folder, ignore_errors=True)
    report(f"kill -9, {processes} at a time", figures)
    assert figures["acknowledged"]


def _on_file(folder: Path) -> tuple[set[str], bool]:
    """Name the calls that are on file, and tell whether the last write was cut off."""
    store = FileStore(folder, WriteGate())
    if not store.names():
        return set(), False
    text = store.path("default").read_bytes()
    return {json.loads(held.request.body)["metadata"]["call"] for held in store.load("default")}, not text.endswith(
        b"\n  ]\n}\n"
    )
