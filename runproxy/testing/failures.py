"""What a test is told when a session did not go as it must: a miss, what could not be recorded, what has drifted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

import orjson


class CassetteFailure(AssertionError):
    """A session did not go as it must; the message says which calls, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a session has answered.

    `outcome` is what was done with it, such as "replayed", "recorded", "miss" or "refused", and `body` what the client
    sent; empty where that came as a stream.
    """

    method: str
    path: str
    status: int
    outcome: str
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """Read the body that was sent as JSON; raises `ValueError`."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Miss:
    """A call that no recording answered.

    `reason` is "no_cassette", "no_match", "exhausted" or "expired", and `message` the verdict as the client got it: the
    nearest recording, what differs, and how to record the call.
    """

    method: str
    path: str
    reason: str
    message: str = field(repr=False)


def told_misses(misses: Sequence[Miss], path: Path) -> str:
    """Say which calls had no recorded answer, each kind of call once."""
    verdicts = list(dict.fromkeys(miss.message for miss in misses))
    looked = f"Looked for in {shown(path)}{'' if path.exists() else ', which is not there yet'}."
    again = f" {len(misses)} calls had no recorded answer in all." if len(misses) > 1 else ""
    return "\n".join([*verdicts, looked + again])


def told_unrecorded(calls: Iterable[Call], path: Path) -> str:
    """Say which calls were answered and could not be recorded."""
    lines = dict.fromkeys(f"{call.method} {call.path}" for call in calls)
    return f"Not recorded in {shown(path)}, so that replaying would miss it; the log says why:\n{_listed(lines)}"


def told_drifts(drifts: Iterable[dict[str, Any]], path: Path) -> str:
    """Say where answers of the upstream differ from their recordings."""
    lines = (
        f"{drift['method']} {drift['path']} differs from {drift['interaction']}: {drift['places']}" for drift in drifts
    )
    return (
        f"The upstream no longer answers as recorded in {shown(path)}; record it anew if that is right:\n"
        f"{_listed(dict.fromkeys(lines))}"
    )


def told_strays(strays: Iterable[str]) -> str:
    """Say which calls belonged to no test."""
    return (
        "Calls came that belong to no test, for theirs has ended, or the base URL was cut short. A client that "
        "outlives its test must be made anew, with the base URL of the next one:\n"
        f"{_listed(dict.fromkeys(strays))}"
    )


def told_unplayed(lines: Sequence[str], count: int, path: Path) -> str:
    """Say which recordings no call has asked for."""
    return f"{len(lines)} of {count} recordings in {shown(path)} were not played:\n{_listed(lines)}"


def shown(path: Path) -> str:
    """Spell a path as somebody would who works in the current folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _listed(texts: Iterable[str]) -> str:
    return "\n".join(indent(text, "  ") for text in texts)
