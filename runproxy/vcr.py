"""Reads cassettes of VCR (Ruby) and vcrpy, as YAML.

Ruby's VCR nests under `http_interactions`, dates each interaction, writes binary bodies with the tag `!binary` and
leaves bodies out; vcrpy nests under `interactions` and has no dates. Answers that were stored compressed are stored
decoded, so that they can be read.
"""

import base64
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runproxy.cassette import Interaction, decode_interaction, encode_interaction
from runproxy.coding import decompressed
from runproxy.errors import ConfigError, CorruptCassette, NotStorable
from runproxy.messages import BODILESS, Headers, Request, Response, make_headers
from runproxy.redaction import PLAIN, Redactor, WriteGate, dropped_names

_UNION_MARKS: Final = frozenset({"_Body", "str", "bytes", "list[str]", "datetime"})  # pydantic's, not the file's


@dataclass(slots=True)
class Import:
    """What was read: the redacted interactions, the header names dropped with their counts, and remarks."""

    interactions: list[Interaction] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    hosts: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)
    undated: int = 0
    decoded: int = 0


class _Vcr(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Body(_Vcr):
    string: str | bytes | None = None
    base64_string: str | None = None

    def to_bytes(self) -> bytes:
        if self.base64_string is not None:
            return base64.b64decode(self.base64_string)
        return self.string.encode() if isinstance(self.string, str) else self.string or b""


_Headers = dict[str, list[str] | str] | None


class _Request(_Vcr):
    method: str
    uri: str
    body: _Body | str | bytes | None = None
    headers: _Headers = None


class _Status(_Vcr):
    code: int = Field(ge=200, le=599)


class _Response(_Vcr):
    status: _Status
    body: _Body | str | bytes | None = None
    headers: _Headers = None


class _Interaction(_Vcr):
    request: _Request
    response: _Response
    recorded_at: str | datetime | None = None


def read_vcr(text: bytes, where: str, gate: WriteGate, undated_at: datetime, redactor: Redactor = PLAIN) -> Import:
    """Read and redact a VCR or vcrpy cassette; interactions without a date get `undated_at`.

    `gate` learns the credentials found in it. Raises `CorruptCassette` with the place of what is wrong, and
    `ConfigError` when the YAML reader is not installed.
    """
    found = Import()
    for position, stored in enumerate(_stored_interactions(_load_yaml(text, where), where)):
        place = f"{where}: interaction {position}"
        try:
            vcr = _Interaction.model_validate(stored)
            _add(found, vcr, gate, redactor, undated_at=undated_at, place=place)
        except NotStorable as error:
            found.left_out.append(f"interaction {position}: {error.reason}")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = ".".join(str(part) for part in first["loc"] if part not in _UNION_MARKS)
            raise CorruptCassette(f"{place}: {path or 'all of it'}: {first['msg']}.") from None
        except (OverflowError, ValueError) as error:  # a date, an address, an encoding
            raise CorruptCassette(f"{place}: holds something that is no HTTP ({type(error).__name__}).") from None
    return found


def _load_yaml(text: bytes, where: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - an extra, needed by this reader alone
    except ImportError as error:
        raise ConfigError("Reading YAML needs the extra 'import': pip install 'runproxy[import]'.") from error

    class Loader(yaml.SafeLoader):
        """A safe loader that knows Ruby's spelling of binary text."""

    def binary(loader: Loader, node: yaml.ScalarNode) -> bytes:
        return loader.construct_yaml_binary(node)

    Loader.add_constructor("!binary", binary)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a subclass of SafeLoader that makes bytes of one more tag
    except yaml.MarkedYAMLError as error:  # its own text would show a piece of the file
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise CorruptCassette(f"{where}: cannot be read as YAML: {place}{error.problem}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CorruptCassette(f"{where}: cannot be read as YAML ({type(error).__name__}).") from None


def _stored_interactions(document: Any, where: str) -> list[Any]:
    for name in ("http_interactions", "interactions"):
        if isinstance(document, dict) and isinstance(document.get(name), list):
            found: list[Any] = document[name]
            return found
    raise CorruptCassette(
        f"{where}: no VCR cassette: a list 'http_interactions' (VCR) or 'interactions' (vcrpy) was expected."
    )


def _add(
    found: Import, vcr: _Interaction, gate: WriteGate, redactor: Redactor, *, undated_at: datetime, place: str
) -> None:
    url = urlsplit(vcr.request.uri)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    request = Request(vcr.request.method.upper(), target, _headers(vcr.request.headers), _to_bytes(vcr.request.body))
    response = Response(vcr.response.status.code, _headers(vcr.response.headers), _to_bytes(vcr.response.body))
    gate.learn(request)
    gate.learn_cookies(response)
    gate.remember(unquote(part) for part in (url.username, url.password) if part)
    recorded_at = _date(vcr.recorded_at)
    kept_request, kept_response = redactor.storable(request, response)
    kept_response, was_decoded = _decoded(kept_response)
    if kept_response.status in BODILESS:
        kept_response = Response(kept_response.status, kept_response.headers)
    found.dropped.update(dropped_names(request.headers, kept_request.headers))
    found.dropped.update(dropped_names(response.headers, kept_response.headers))
    found.hosts.add(url.netloc.rpartition("@")[2])
    found.undated += recorded_at is None
    found.decoded += was_decoded
    interaction = Interaction(kept_request, kept_response, recorded_at or undated_at, 0)
    decode_interaction(orjson.loads(encode_interaction(interaction)), place)  # raises for what could not be read back
    found.interactions.append(interaction)


def _headers(headers: _Headers) -> Headers:
    return make_headers(_pairs(headers or {}))


def _pairs(headers: dict[str, list[str] | str]) -> Iterator[tuple[str, str]]:
    for name, values in headers.items():
        for value in [values] if isinstance(values, str) else values:
            yield name, value


def _to_bytes(body: _Body | str | bytes | None) -> bytes:
    match body:
        case _Body():
            return body.to_bytes()
        case str():
            return body.encode()
        case _:
            return body or b""


def _decoded(response: Response) -> tuple[Response, bool]:
    """Decode a gzip or deflate answer; what cannot be decoded stays as it is."""
    coding = response.headers.get("content-encoding", "")
    body = decompressed(response.body, coding)
    if not coding or body is None:
        return response, False
    pairs = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
    return Response(response.status, make_headers(pairs), body), True


def _date(written: str | datetime | None) -> datetime | None:
    """Read a date: RFC 1123 as Ruby writes it, ISO 8601, or a YAML timestamp; None for any other."""
    moment = _parsed(written) if isinstance(written, str) else written
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) if moment else None


def _parsed(written: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError):
            return parse(written)
    return None
