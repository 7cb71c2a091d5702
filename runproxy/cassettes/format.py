"""The cassette format `runproxy/1`: decoding with errors that name the place, encoding that diffs well."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from runproxy.cassettes.body import StoredAnswerBody, StoredBody, StoredRequestBody, to_stored
from runproxy.cassettes.model import PLAIN_MATCHER, Interaction
from runproxy.cassettes.reading import check_says_the_same, tell_unreadable
from runproxy.errors import CorruptCassette, UnknownFormat
from runproxy.matching import Matcher, MatchKey, MatchSettings
from runproxy.messages import (
    BODILESS,
    CODING_HEADER,
    HOP_BY_HOP,
    LENGTH_HEADER,
    Headers,
    Piece,
    Request,
    Response,
    make_headers,
    tells_length_alone,
)

FORMAT: Final = "runproxy/1"

_MAX_MATCH_CHARS: Final = 4096
"""So that the head of a cassette can be found without reading much of it."""

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
_T = TypeVar("_T")
_NO_HEADERS: Final = make_headers()


def _date_text(written: object) -> object:
    """Take no number for a date, as seconds since 1970 would be."""
    if not (isinstance(written, str) and _DATE.match(written)):
        raise ValueError("a date was expected, such as '2026-11-22T17:00:00Z'")
    return written


_NAME: Final = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$"  # RFC 9110 section 5.6.2
_VALUE: Final = r"^[^\r\n\x00]*$"  # RFC 9110 section 5.5
_PATH: Final = r"^/[^?#\s]*$"
_QUERY: Final = r"^[^#\s]*$"
_MEANT: Final = MappingProxyType(
    {
        _NAME: "{!r} is no name of HTTP",
        _VALUE: "a header value cannot hold a line break",
        _PATH: "a path starts with '/' and holds no '?', no '#' and no white space",
        _QUERY: "a query holds no '#' and no white space",
    }
)
"""What is said of a text that does not match; patterns are left to the validator, for there are many in a cassette."""

_Token: TypeAlias = Annotated[str, Field(pattern=_NAME)]
_HeaderValue: TypeAlias = Annotated[str, Field(pattern=_VALUE)]
StoredHeaders: TypeAlias = Annotated[
    list[tuple[_Token, _HeaderValue]], Field(description="Pairs of name and value, in their order.")
]
_WHAT_WAS_SENT: Final = Field(description="What was sent; left out where there was nothing.")


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class StoredRequest(_Stored):
    """A request in a cassette."""

    method: _Token
    path: str = Field(pattern=_PATH, description="Raw, never percent-decoded.")
    query: str = Field(default="", pattern=_QUERY, description="Raw, without its question mark.")
    headers: StoredHeaders = []
    body: Annotated[StoredRequestBody | None, _WHAT_WAS_SENT] = None


class StoredResponse(_Stored):
    """An answer in a cassette."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"status": {"enum": [int(status) for status in sorted(BODILESS)]}}},
            "then": {"properties": {"body": {"type": "null"}}},
        }
    )

    status: int = Field(ge=200, le=599, strict=True)
    headers: StoredHeaders = []
    body: Annotated[StoredAnswerBody | None, _WHAT_WAS_SENT] = None

    @property
    def lengths(self) -> list[str]:
        """The lengths that its headers tell."""
        return [value for name, value in self.headers if name.lower() == LENGTH_HEADER]

    @model_validator(mode="after")
    def _is_framed_once(self) -> "StoredResponse":
        """Leave the framing to whoever sends the answer; two words about it are one too many."""
        names = {name.lower() for name, _ in self.headers}
        if names & HOP_BY_HOP or (self.lengths and self.body is not None):
            raise ValueError("an answer holds no header about its connection or the length of its body")
        if self.status in BODILESS and self.body is not None:
            raise ValueError(f"an answer with status {self.status} has no body")
        if self.body is not None and self.body.coding and CODING_HEADER in names:
            raise ValueError(f"'coding' takes the place of the header {CODING_HEADER}")
        return self


class StoredInteraction(_Stored):
    """One call in a cassette."""

    recorded_at: Annotated[AwareDatetime, BeforeValidator(_date_text)] = Field(
        description="When the call was made, with its offset from UTC."
    )
    elapsed_ms: int = Field(default=0, ge=0, strict=True, description="How long the upstream took to answer.")
    request: StoredRequest
    response: StoredResponse

    @model_validator(mode="after")
    def _tells_a_length_alone(self) -> "StoredInteraction":
        """Take a length only where it is that of no body, or a client would wait for one."""
        lengths, got = self.response.lengths, self.response
        if lengths and not (tells_length_alone(self.request.method, got.status) and _is_length(lengths)):
            raise ValueError("only an answer to HEAD, or a 304, tells a length, and it does so once, in digits")
        return self


def _is_length(values: list[str]) -> bool:
    return len(values) == 1 and re.fullmatch("[0-9]{1,18}", values[0]) is not None


@dataclass(frozen=True, slots=True)
class Document:
    """What a cassette says: how its calls are compared, and its interactions, each read when it is asked for."""

    match: MatchSettings
    interactions: Iterator[Interaction]


def decode_document(data: bytes, where: str) -> Document:
    """Read the text of a cassette; `where` names the file in errors.

    Raises `CorruptCassette` with the offset or the JSON path of what is wrong, and `UnknownFormat`.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        tell_unreadable(data, where, error)
    stored = _interactions(document, where)
    check_says_the_same(data, document, where)
    places = (f"{where}: interactions[{position}]" for position in range(len(stored)))
    return Document(decode_match(document.get("match", {}), where), map(decode_interaction, stored, places))


def decode_match(stored: object, where: str) -> MatchSettings:
    """Read what a cassette says of how its calls are compared; raises `CorruptCassette`."""
    try:
        match = MatchSettings.model_validate(stored)
    except ValidationError as error:
        raise CorruptCassette(f"{where}: match{_first_problem(error)}") from None
    if len(match.model_dump_json()) > _MAX_MATCH_CHARS:
        raise CorruptCassette(
            f"{where}: match: longer than {_MAX_MATCH_CHARS} characters; move some into the settings."
        )
    return match


def _interactions(document: Any, where: str) -> list[Any]:
    if not isinstance(document, dict) or "format" not in document:
        raise CorruptCassette(f'{where}: no cassette: a JSON object with "format": "{FORMAT}" was expected.')
    if document["format"] != FORMAT:
        raise UnknownFormat(
            f"{where}: format {document['format']!r} was found, this runproxy knows {FORMAT!r}. "
            "A newer runproxy may read it."
        )
    unknown = sorted(document.keys() - {"format", "match", "interactions"})
    if unknown:
        raise CorruptCassette(f"{where}: {unknown[0]}: no such member in a cassette.")
    interactions = document.get("interactions")
    if not isinstance(interactions, list):
        raise CorruptCassette(f"{where}: interactions: a list was expected.")
    return interactions


def decode_interaction(stored: object, where: str) -> Interaction:
    """Read one stored interaction; raises `CorruptCassette` with the path of what is wrong in it."""
    return _read(stored, where, _interaction)


def decode_key(stored: object, where: str, matcher: Matcher = PLAIN_MATCHER) -> MatchKey:
    """Check one stored interaction, of which it is known that it can be printed, and give its key alone.

    Raises `CorruptCassette`.
    """
    return _read(stored, where, partial(_key, matcher))


def _read(stored: object, where: str, read: Callable[[StoredInteraction], _T]) -> _T:
    try:
        found = StoredInteraction.model_validate(stored)
    except ValidationError as error:
        raise CorruptCassette(f"{where}{_first_problem(error)}") from None
    try:
        return read(found)
    except OverflowError:
        raise CorruptCassette(f"{where}.recorded_at: the date is out of range.") from None
    except (orjson.JSONEncodeError, RecursionError):
        raise CorruptCassette(f"{where}: a body is nested deeper than JSON readers go.") from None


def _key(matcher: Matcher, found: StoredInteraction) -> MatchKey:
    found.recorded_at.astimezone(UTC)  # a date out of range is told now
    sent = found.request
    return matcher.key(_request(sent, make_headers(sent.headers)) if matcher.reads_headers else _without_headers(sent))


def _without_headers(sent: StoredRequest) -> Request:
    """Give the request with those headers alone that tell how to read its body."""
    coding = [pair for pair in sent.headers if pair[0].lower() == CODING_HEADER]
    return _request(sent, make_headers(coding) if coding else _NO_HEADERS)


def _request(sent: StoredRequest, headers: Headers) -> Request:
    digest = sent.body.digest() if sent.body else None
    return Request(sent.method, _target(sent), headers, _body_bytes(sent.body), digest=digest)


def _target(sent: StoredRequest) -> str:
    return f"{sent.path}?{sent.query}" if sent.query else sent.path


def _interaction(found: StoredInteraction) -> Interaction:
    return Interaction(
        _request(found.request, make_headers(found.request.headers)),
        _response(found.response),
        found.recorded_at.astimezone(UTC),
        found.elapsed_ms,
    )


def _response(got: StoredResponse) -> Response:
    headers, body = make_headers(got.headers), got.body
    if body is None:
        return Response(got.status, headers)
    return Response(got.status, headers, body.to_bytes(), body.pieces(), coding=body.coding)


def encode_interaction(interaction: Interaction) -> bytes:
    """Print one interaction as it stands in a cassette, without the indentation it has there."""
    request, response = interaction.request, interaction.response
    stored = {
        "recorded_at": _timestamp(interaction.recorded_at),
        "elapsed_ms": interaction.elapsed_ms,
        "request": {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": [_on_one_line(pair) for pair in request.headers.items()],
            **_stored_request_body(request),
        },
        "response": {
            "status": response.status,
            "headers": [_on_one_line(pair) for pair in response.headers.items()],
            **_stored_body(response.body, response.pieces, response.coding),
        },
    }
    return orjson.dumps(stored, option=orjson.OPT_INDENT_2)


def _on_one_line(header: tuple[str, str]) -> orjson.Fragment:
    name, value = header
    return orjson.Fragment(b"[%b, %b]" % (orjson.dumps(name), orjson.dumps(value)))


def _stored_body(body: bytes, pieces: Sequence[Piece] = (), coding: str = "") -> dict[str, object]:
    stored = to_stored(body, pieces, coding)
    return {} if stored is None else {"body": stored}


def _stored_request_body(request: Request) -> dict[str, object]:
    return _stored_body(request.body) if request.digest is None else {"body": asdict(request.digest)}


def _body_bytes(body: StoredBody | None) -> bytes:
    return b"" if body is None else body.to_bytes()


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    meant = _MEANT.get(first.get("ctx", {}).get("pattern", ""))
    reason = meant.format(first["input"]) if meant else first["msg"].removeprefix("Value error, ")
    return f"{path}: {reason}."
