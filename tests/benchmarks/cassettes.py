"""What cassettes cost by how much they hold: reading them, the memory they take, and one interaction more. Run by hand:

    python -m tests.benchmarks.cassettes [--interactions 1000 10000 100000] [--rounds 3]

Times are those of the processor, for a machine with other work makes clocks tell little; beside reading stands what the
JSON reader alone takes for the same text. Rounds are interleaved, and the median counts. How fast a cassette is
replayed is told by `tests.benchmarks.throughput`.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson

from runproxy.backends import Take
from runproxy.cassettes import Cassette, Interaction, decode
from runproxy.redaction import WriteGate
from runproxy.stores.cassette_file import CassetteFile
from runproxy.stores.file import FileStore
from tests.benchmarks.throughput import cassette_text

APPENDS = 200


def reading(path: Path) -> dict[str, float]:
    """Read a cassette in this process, and tell seconds and MiB."""
    before = _peak_mib()
    started = time.process_time()
    cassette = decode(CassetteFile(path).read(), str(path))
    seconds = time.process_time() - started
    assert len(cassette)
    return {"load_s": seconds, "MiB": _peak_mib(), "MiB more": _peak_mib() - before}


def _peak_mib() -> float:
    """Tell the most memory that this process has held; what getrusage tells may be that of its parent."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def parsing(path: Path) -> dict[str, float]:
    """Read a cassette as JSON alone, in this process."""
    text = path.read_bytes()
    started = time.process_time()
    orjson.loads(text)
    return {"json_s": time.process_time() - started}


async def _costs(calls: list[Interaction], record: Callable[[Interaction], object]) -> float:
    """Give the median of what recording takes, in microseconds of the processor."""
    costs = []
    for call in calls:
        started = time.process_time()
        await record(call)  # type: ignore[misc]  # a tape and a take give the same
        costs.append((time.process_time() - started) * 1e6)
    return statistics.median(costs)


async def _recording(path: Path) -> dict[str, float]:
    store = FileStore(path.parent, WriteGate())
    cassette = store.load(path.stem)
    known = [cassette[number] for number in range(min(APPENDS, len(cassette)))]
    fresh = [_renamed(cassette, number) for number in range(APPENDS)]
    tape, take = store.tape(path.stem), Take(store.tape(path.stem), cassette)
    appended = await _costs(fresh, tape.append)
    return {"append_us": appended, "unchanged_us": await _costs(known, take.append)}


def _renamed(cassette: Cassette, number: int) -> Interaction:
    held = cassette[0]
    return replace(held, request=replace(held.request, target=f"/v1/threads/thread_abc123/runs/run_new{number}"))


def recording(path: Path) -> dict[str, float]:
    """Record into a copy of a cassette, in this process: calls that are new, and calls whose answers are the same."""
    copy = path.with_name(f"copy-of-{path.name}")
    copy.write_bytes(path.read_bytes())
    try:
        return asyncio.run(_recording(copy))
    finally:
        copy.unlink()


TASKS: dict[str, Callable[[Path], dict[str, float]]] = {task.__name__: task for task in (reading, parsing, recording)}


def measured(task: str, path: Path) -> dict[str, float]:
    """Do one task in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.cassettes", "--task", task, str(path)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, nargs="+", default=[10, 1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(TASKS[given.task[0]](Path(given.task[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = {count: Path(folder, f"of-{count}.json") for count in given.interactions}
        for count, path in paths.items():
            path.write_bytes(cassette_text(count))
        rounds = [
            {
                count: {**measured("reading", path), **measured("parsing", path), **measured("recording", path)}
                for count, path in paths.items()
            }
            for _ in range(given.rounds)
        ]
        for count, path in paths.items():
            figures = {name: statistics.median(one[count][name] for one in rounds) for name in rounds[0][count]}
            print(_line(count, path.stat().st_size, figures))


def _line(count: int, size: int, figures: dict[str, float]) -> str:
    ratio = figures["load_s"] / figures["json_s"]
    return (
        f"{count:9,} interactions, {size / 2**20:7.1f} MiB: read in {figures['load_s']:6.3f} s "
        f"({ratio:4.1f} times the JSON reader), {figures['MiB']:4.0f} MiB in all, {figures['MiB more']:4.0f} for it; "
        f"append {figures['append_us']:4.0f} µs, the same again {figures['unchanged_us']:4.0f} µs"
    )


if __name__ == "__main__":
    main()
