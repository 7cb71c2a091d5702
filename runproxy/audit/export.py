"""Answers of the audit as others read them: records, and those as JSON, JSON lines, CSV or Parquet."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from runproxy.audit.errors import AuditError
from runproxy.audit.reading import LoggedCall, time_text

Record: TypeAlias = Mapping[str, Any]

_OF_A_GROUP: Final = 50_000  # rows that are in memory at a time
_TIME: Final = "_ms"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take these, too
"""What makes a spreadsheet take a text for a formula (OWASP, CSV injection)."""

CALL_FIELDS: Final = (
    *("seq", "time", "request_id", "team", "team_source", "fingerprint", "decision", "status", "outcome", "upstream"),
    *("upstream_ms", "total_ms", "delivery", "mode", "route", "method", "path", "thread_id", "run_id"),
    *("pairs", "findings", "client", "user_agent", "sdk", "sdk_version"),
)
PAIR_FIELDS: Final = (
    *("seq", "time", "request_id", "team", "decision", "route", "thread_id", "run_id"),
    *("param", "key", "value", "chars", "type", "form"),
)
_NUMBERS: Final = frozenset({"seq", "status", "upstream_ms", "total_ms", "chars"})


def as_record(row: Any) -> dict[str, Any]:
    """Give a row of a report by the names of its fields; times are text, and named for what they are the time of."""
    return {
        name.removesuffix(_TIME): time_text(value) if name.endswith(_TIME) and value is not None else value
        for name, value in asdict(row).items()
    }


def fields_of(kind: type) -> list[str]:
    """Name the fields of the records of a kind of row."""
    return [field.name.removesuffix(_TIME) for field in fields(kind)]


def call_record(call: LoggedCall) -> dict[str, Any]:
    """Give a call as one flat row: its pairs and findings are text in JSON."""
    told = call.as_dict()
    pairs = {f"{pair.param}.{pair.key}": pair.value for pair in call.event.pairs}
    findings = [f"{found.code} {found.param}" for found in call.event.findings]
    flat = {**told, "pairs": orjson.dumps(pairs).decode(), "findings": orjson.dumps(findings).decode()}
    return {name: flat.get(name) for name in CALL_FIELDS}


def pair_records(call: LoggedCall) -> Iterator[dict[str, Any]]:
    """Give a row for each pair of a call."""
    told = call.as_dict()
    for pair in told["pairs"]:
        yield {name: pair[name] if name in pair else told.get(name) for name in PAIR_FIELDS}


def json_line(record: Record) -> str:
    """Write a record as a line of JSON."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE).decode()


def csv_line(values: Iterable[object]) -> str:
    """Write values as a line of CSV (RFC 4180), in which no spreadsheet takes a text for a formula."""
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return orjson.dumps(value).decode() if isinstance(value, dict | list | tuple) else value


def csv_lines(records: Iterable[Record], names: Sequence[str]) -> Iterator[str]:
    """Write records as CSV, with a head."""
    yield csv_line(names)
    for record in records:
        yield csv_line(record.get(name) for name in names)


def write_parquet(records: Iterator[Record], names: Sequence[str], path: Path) -> int:
    """Write records into a Parquet file, and tell how many there were.

    Raises `AuditError` where the extra is missing, or the file cannot be written.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise AuditError("Parquet needs the extra: pip install 'runproxy[parquet]'.") from error
    schema = pa.schema([(name, pa.int64() if name in _NUMBERS else pa.string()) for name in names])
    count = 0
    try:
        with parquet.ParquetWriter(path, schema) as writer:
            for group in _groups(records):
                writer.write_table(pa.Table.from_pylist(group, schema))
                count += len(group)
    except OSError as error:
        raise AuditError(f"{path}: cannot be written: {error.strerror or error}.") from error
    return count


def _groups(records: Iterator[Record]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for record in records:
        group.append(dict(record))
        if len(group) == _OF_A_GROUP:
            yield group
            group = []
    if group:
        yield group
