"""Writes a cassette as HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/), to be opened by developer tools.

Bodies are given as they read: a content coding is undone, text is text, and all else is base64. HAR 1.2 has no word for
base64 in a request; `encoding` is taken from the draft of 1.3. Headers name the coding of what is text; of bytes, a
reader could not tell whether it was undone. Of a body that was too long to be recorded, its hash is told as `_sha256`;
names with an underscore are left to whoever writes the file.
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from runproxy import __version__
from runproxy.cassettes import Interaction
from runproxy.coding import decompressed
from runproxy.exchange.addresses import absolute_url, reason
from runproxy.messages import CODING_HEADER, Headers, Request, Response, make_headers

_HTTP: Final = "HTTP/1.1"  # what runproxy speaks; a cassette does not tell
_NOT_KNOWN: Final = -1
_NO_TYPE: Final = "x-unknown"


def write_har(interactions: Iterable[Interaction], base_url: str) -> bytes:
    """Print interactions as a HAR; `base_url` stands for the host, which cassettes do not hold."""
    entries = [_entry(interaction, base_url) for interaction in interactions]
    creator = {"name": "runproxy", "version": __version__}
    log = {"version": "1.2", "creator": creator, "pages": [], "entries": entries}
    return orjson.dumps({"log": log}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _entry(interaction: Interaction, base_url: str) -> dict[str, Any]:
    moment = interaction.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "startedDateTime": moment,
        "time": interaction.elapsed_ms,
        "request": _request(interaction.request, base_url),
        "response": _response(interaction.response),
        "cache": {},
        "timings": {"send": 0, "wait": interaction.elapsed_ms, "receive": 0},
    }


def _request(request: Request, base_url: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "method": request.method,
        "url": absolute_url(base_url, request.target),
        "httpVersion": _HTTP,
        "cookies": [],
        "headers": _headers(request.headers),
        "queryString": [
            {"name": name, "value": value} for name, value in parse_qsl(request.query, keep_blank_values=True)
        ],
        "headersSize": _NOT_KNOWN,
        "bodySize": request.digest.length if request.digest else len(request.body),
    }
    if request.digest is not None:
        told |= {"_sha256": request.digest.sha256, "comment": "The body was too long to be recorded."}
    if request.body:
        told["postData"] = {"mimeType": request.headers.get("content-type", _NO_TYPE), **_text(_plain(request))}
    return told


def _response(response: Response) -> dict[str, Any]:
    plain = _plain(response)
    content: dict[str, Any] = {"size": len(plain)}
    if len(plain) != len(response.body):
        content["compression"] = len(plain) - len(response.body)
    text = _text(plain)
    coding = [(CODING_HEADER, response.coding)] if response.coding and "encoding" not in text else []
    return {
        "status": response.status,
        "statusText": reason(response.status),
        "httpVersion": _HTTP,
        "cookies": [],
        "headers": _headers(make_headers([*response.headers.items(), *coding])),
        "content": {**content, "mimeType": response.headers.get("content-type", _NO_TYPE), **text},
        "redirectURL": response.headers.get("location", ""),
        "headersSize": _NOT_KNOWN,
        "bodySize": _NOT_KNOWN if response.coding else len(response.body),
    }


def _headers(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _plain(message: Request | Response) -> bytes:
    """Undo the content coding, as readers of HAR expect; what cannot be undone is given as it is."""
    plain = decompressed(message.body, message.headers.get("content-encoding", ""))
    return message.body if plain is None else plain


def _text(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"text": b64encode(body).decode(), "encoding": "base64"}
