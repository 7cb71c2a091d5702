"""Reads cassettes of VCR (Ruby) and vcrpy, as YAML.

Ruby's VCR nests under `http_interactions`, dates each interaction, writes binary bodies with the tag `!binary` and
leaves bodies out; vcrpy nests under `interactions` and has no dates. Answers that were stored compressed are stored
decoded, so that they can be read.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runproxy.errors import ConfigError, CorruptCassette, NotStorable
from runproxy.exchange.imported import Heard, Import, first_problem, read_address, read_date
from runproxy.messages import Headers, Request, Response, make_headers
from runproxy.redaction import WriteGate

_UNION_MARKS: Final = frozenset({"_Body", "str", "bytes", "list[str]", "datetime"})  # pydantic's, not the file's


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


def read_vcr(text: bytes, where: str, gate: WriteGate, undated_at: datetime) -> Import:
    """Read and redact a VCR or vcrpy cassette; interactions without a date get `undated_at`.

    `gate` learns the credentials found in it. Raises `CorruptCassette` with the place of what is wrong, and
    `ConfigError` when the YAML reader is not installed.
    """
    found = Import()
    for position, stored in enumerate(_stored_interactions(_load_yaml(text, where), where)):
        place = f"interaction {position}"
        try:
            found.add(_heard(_Interaction.model_validate(stored)), gate, undated_at, where, place)
        except NotStorable as error:
            found.left_out.append(f"{place}: {error.reason}")
        except ValidationError as error:
            raise CorruptCassette(f"{where}: {place}: {first_problem(error, _UNION_MARKS)}") from None
        except (OverflowError, ValueError) as error:  # a date, an address, an encoding
            kind = type(error).__name__
            raise CorruptCassette(f"{where}: {place}: holds something that is no HTTP ({kind}).") from None
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


def _heard(vcr: _Interaction) -> Heard:
    target, host, credentials = read_address(vcr.request.uri)
    request = Request(vcr.request.method.upper(), target, _headers(vcr.request.headers), _to_bytes(vcr.request.body))
    response = Response(vcr.response.status.code, _headers(vcr.response.headers), _to_bytes(vcr.response.body))
    return Heard(request, response, host, read_date(vcr.recorded_at), credentials=credentials)


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
