"""Reads flow files of mitmproxy 3 and newer, without mitmproxy.

Its own reader cannot stand beside other clients: mitmproxy 11 pins some thirty libraries from above, h11 below what the
HTTP client of OpenAI's SDK needs among them, and it refuses files of a newer format. What is read here (request,
answer, times) is touched by none of mitmproxy's own migrations since version 4 of the format.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runproxy.errors import CorruptCassette, UnknownFormat
from runproxy.exchange.imported import Heard, Import, first_problem
from runproxy.exchange.tnetstring import read_elements
from runproxy.messages import BODILESS, Headers, Request, Response, make_headers
from runproxy.redaction import WriteGate

OLDEST: Final = 4
NEWEST: Final = 21
"""Versions of the flow format: the first that is a number, just before mitmproxy 3.0, and that of mitmproxy 11."""

_MAX_MS: Final = 10**12
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class _Flow(BaseModel):
    model_config = ConfigDict(extra="ignore")


_Headers = list[tuple[bytes, bytes]]
_Time = Annotated[float | None, Field(default=None, allow_inf_nan=False)]


class _Request(_Flow):
    method: bytes
    scheme: bytes
    host: bytes
    port: int
    path: bytes
    headers: _Headers
    content: bytes | None
    timestamp_start: _Time


class _Response(_Flow):
    status_code: int
    headers: _Headers
    content: bytes | None
    timestamp_end: _Time


class _HttpFlow(_Flow):
    type: Literal["http"]
    request: _Request
    response: _Response | None = None
    error: dict[str, Any] | None = None
    websocket: dict[str, Any] | None = None


class _Unusable(Exception):
    """Why a flow cannot be replayed."""


def read_mitmproxy(data: bytes, where: str, gate: WriteGate, undated_at: datetime) -> Import:
    """Read and redact a flow file; flows without a date get `undated_at`, and `gate` learns the credentials in it.

    Flows that cannot be replayed are left out with the reason. Raises `CorruptCassette` with the place of what is
    wrong, and `UnknownFormat` for a version of the format that is not known.
    """
    found = Import()
    for position, stored in enumerate(_stored_flows(data, where)):
        place = f"flow {position}"
        _check_version(stored, where, place)
        try:
            heard = _heard(stored)
        except ValidationError as error:
            raise CorruptCassette(f"{where}: {place}: {first_problem(error)}") from None
        except _Unusable as reason:
            found.left_out.append(f"{place}: {reason}")
            continue
        found.add_or_leave_out(heard, gate, undated_at, where, place)
    return found


def _stored_flows(data: bytes, where: str) -> Iterator[Any]:
    try:
        yield from read_elements(data)
    except ValueError as error:
        raise CorruptCassette(f"{where}: cannot be read as a flow file of mitmproxy: {error}.") from None


def _check_version(stored: Any, where: str, place: str) -> None:
    if not isinstance(stored, dict) or "version" not in stored:
        raise CorruptCassette(f"{where}: {place}: no flow of mitmproxy: an object with a 'version' was expected.")
    version = stored["version"]
    if not isinstance(version, int) or not OLDEST <= version <= NEWEST:
        raise UnknownFormat(
            f"{where}: {place}: version {version!r:.40} of the flow format was found, {OLDEST} to {NEWEST} are known. "
            "Let mitmproxy write it as HAR and import that: mitmdump -nr FILE --set hardump=FILE.har"
        )


def _heard(stored: dict[str, Any]) -> Heard:
    if stored.get("type") in ("tcp", "udp", "dns", "websocket"):
        raise _Unusable(f"it is {stored['type']} and no HTTP")
    flow = _HttpFlow.model_validate(stored)
    sent, got = flow.request, _answer(flow)
    if sent.content is None:
        raise _Unusable("the body of its request was not saved")
    request = Request(_text(sent.method).upper(), _text(sent.path) or "/", _headers(sent.headers), sent.content)
    response = Response(got.status_code, _headers(got.headers), got.content or b"")
    return Heard(request, response, _host(sent), _started(sent), _elapsed_ms(sent, got))


def _answer(flow: _HttpFlow) -> _Response:
    got = flow.response
    if flow.request.method.upper() == b"CONNECT":
        raise _Unusable("it opened a tunnel and is no call")
    if got is None:
        raise _Unusable("it has no answer; it was aborted or still under way")
    if flow.error is not None:
        raise _Unusable("its answer broke off")
    if flow.websocket is not None or not 200 <= got.status_code <= 599:  # noqa: PLR2004 - the final statuses of HTTP
        raise _Unusable(f"its status {got.status_code} is none of a final answer")
    if got.content is None and got.status_code not in BODILESS:
        raise _Unusable("the body of its answer was not saved; it was streamed")
    return got


def _headers(pairs: _Headers) -> Headers:
    return make_headers((_text(name), _text(value)) for name, value in pairs)


def _host(sent: _Request) -> str:
    host = _text(sent.host)
    return host if sent.port == _DEFAULT_PORTS.get(_text(sent.scheme)) else f"{host}:{sent.port}"


def _started(sent: _Request) -> datetime | None:
    try:
        return datetime.fromtimestamp(sent.timestamp_start, UTC) if sent.timestamp_start else None
    except (OverflowError, ValueError, OSError):  # no date of this calendar
        return None


def _elapsed_ms(sent: _Request, got: _Response) -> int:
    if sent.timestamp_start is None or got.timestamp_end is None:
        return 0
    return round(min(_MAX_MS, max(0.0, (got.timestamp_end - sent.timestamp_start) * 1000)))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
