"""What can be asked about the audit as a whole, by name; each answer is a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson

from runproxy.audit import report
from runproxy.audit.export import csv_line
from runproxy.audit.reading import LoggedCall

TABLES: Final[Mapping[str, Callable[..., Sequence[Any]]]] = {
    "keys": report.keys,
    "teams": report.teams,
    "violations": report.violations,
    "coverage": report.coverage,
    "nearness": report.nearness,
    "new-keys": report.new_keys,
}
"""Each takes a connection and a filter, and gives rows of one kind."""


def as_rows(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Give rows as JSON has them."""
    return [asdict(row) for row in found]


def as_csv(rows: Sequence[Mapping[str, Any]], *, heads: bool = True) -> bytes:
    """Write rows as CSV, below the names of the columns."""
    lines = [csv_line(rows[0])] if rows and heads else []
    return "".join([*lines, *(csv_line(row.values()) for row in rows)]).encode("utf-8", "backslashreplace")


def call_row(call: LoggedCall) -> dict[str, Any]:
    """Give a call as one row, its pairs as JSON: where each stands, its key, and its value."""
    told = call.as_dict()
    names = ("time", "seq", "request_id", "decision", "outcome", "status", "team", "route", "method", "path")
    return {
        **{name: told.get(name) for name in (*names, "thread_id", "run_id", "client", "user_agent")},
        "metadata": orjson.dumps([(pair.param, pair.key, pair.value) for pair in call.event.pairs]).decode(),
        "rules": " ".join(finding.code for finding in call.event.findings),
    }
