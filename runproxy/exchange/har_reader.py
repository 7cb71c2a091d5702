"""Reads HAR 1.2 as developer tools of browsers, mitmproxy, Charles and runproxy itself write it.

A HAR says of bodies how they read, not how they were sent: a content coding in the headers was undone by who wrote it,
and text had a charset once that is UTF-8 from here on. What a HAR lost (bodies that were not saved, files of forms,
calls without an answer) cannot be replayed, and is left out.
"""

from base64 import b64decode
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runproxy.errors import CorruptCassette
from runproxy.exchange.imported import Heard, Import, first_problem, read_address, read_date
from runproxy.messages import BODILESS, Digest, Headers, Request, Response, make_headers
from runproxy.redaction import WriteGate

_FORM: Final = "application/x-www-form-urlencoded"
_UNION_MARKS: Final = frozenset({"int", "float"})  # pydantic's, not the file's
_UTF_8: Final = ("utf-8", "utf8", "us-ascii")
_LOST: Final = "\N{REPLACEMENT CHARACTER}"
_MAX_MS: Final = 10**12


class _Har(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Pair(_Har):
    name: str
    value: str = ""


_Pairs = Annotated[list[_Pair], Field(default_factory=list)]
_Size = int | float | None


class _PostData(_Har):
    mime_type: str | None = Field(default=None, alias="mimeType")
    text: str | None = None
    encoding: str | None = None  # not in HAR 1.2, but written by some, and by runproxy, for bytes that are no text
    params: list[_Pair] | None = None


class _Request(_Har):
    method: str
    url: str
    headers: _Pairs
    cookies: _Pairs
    post_data: _PostData | None = Field(default=None, alias="postData")
    body_size: _Size = Field(default=None, alias="bodySize")
    sha256: str | None = Field(default=None, alias="_sha256")  # of runproxy alone


class _Content(_Har):
    size: _Size = None
    text: str | None = None
    encoding: str | None = None


class _Response(_Har):
    status: int
    headers: _Pairs
    cookies: _Pairs
    content: _Content = Field(default_factory=_Content)
    body_size: _Size = Field(default=None, alias="bodySize")


class _Entry(_Har):
    request: _Request
    response: _Response
    started: str | None = Field(default=None, alias="startedDateTime")
    time: Annotated[int | float | None, Field(le=_MAX_MS)] = None


class _Unusable(Exception):
    """Why an entry that is right as HAR cannot be replayed."""


def read_har(text: bytes, where: str, gate: WriteGate, undated_at: datetime) -> Import:
    """Read and redact a HAR file; entries without a date get `undated_at`, and `gate` learns the credentials in it.

    Entries that cannot be replayed are left out with the reason. Raises `CorruptCassette` with the place of what is
    no HAR.
    """
    found = Import()
    for position, stored in enumerate(_stored_entries(text, where)):
        place = f"entry {position}"
        try:
            entry = _Entry.model_validate(stored)
            heard = _heard(entry)
        except ValidationError as error:
            raise CorruptCassette(f"{where}: {place}: {first_problem(error, _UNION_MARKS)}") from None
        except _Unusable as reason:
            found.left_out.append(f"{place}: {reason}")
            continue
        if found.add_or_leave_out(heard, gate, undated_at, where, place):
            found.changed.update(_remarks(entry))
    return found


def _stored_entries(text: bytes, where: str) -> list[Any]:
    try:
        document = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CorruptCassette(f"{where}: cannot be read as JSON: {place}: {error.msg}.") from None
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise CorruptCassette(f"{where}: no HAR: an object 'log' with a list 'entries' was expected.")
    return entries


def _heard(entry: _Entry) -> Heard:
    sent, got = entry.request, entry.response
    _check_usable(sent, got)
    try:
        target, host, credentials = read_address(sent.url)
    except ValueError:
        raise _Unusable("its address is no URL") from None
    digest = Digest(sent.sha256, int(sent.body_size)) if sent.sha256 and sent.body_size else None
    body = b"" if digest else _sent_body(sent)
    return Heard(
        Request(sent.method.upper(), target, _headers(sent.headers), body, digest=digest),
        Response(got.status, _headers([*got.headers, *_cookies_without_header(got)]), _got_body(sent.method, got)),
        host,
        read_date(entry.started),
        max(0, round(entry.time or 0)),
        (*credentials, *(cookie.value for cookie in sent.cookies)),
        is_decoded=True,
    )


def _check_usable(sent: _Request, got: _Response) -> None:
    if sent.method.upper() == "CONNECT":
        raise _Unusable("it opened a tunnel and is no call")
    if not sent.url.lower().startswith(("http://", "https://")):
        raise _Unusable("its address is not http or https")
    if got.status == 0:
        raise _Unusable("it has no answer (status 0); it was aborted, blocked or still under way")
    if not 200 <= got.status <= 599:  # noqa: PLR2004 - the final statuses of HTTP
        raise _Unusable(f"its status {got.status} is none of a final answer")


def _headers(pairs: list[_Pair]) -> Headers:
    return make_headers((pair.name, value) for pair in pairs for value in _values(pair))


def _values(pair: _Pair) -> Iterator[str]:
    """Browsers join the values of repeated headers, of cookies above all, with line breaks."""
    yield from pair.value.replace("\r\n", "\n").split("\n")


def _cookies_without_header(got: _Response) -> list[_Pair]:
    """Give cookies that stand in their list alone, as headers, so that the gate learns them."""
    if any(pair.name.lower() == "set-cookie" for pair in got.headers):
        return []
    return [_Pair(name="set-cookie", value=f"{pair.name}={pair.value}") for pair in got.cookies]


def _sent_body(sent: _Request) -> bytes:
    post = sent.post_data
    if post and post.text:
        return _bytes(post.text, post.encoding, (sent.body_size,), "request")
    if post and post.params:
        if (post.mime_type or "").partition(";")[0].strip().lower() != _FORM:
            raise _Unusable("the body of its request was saved as fields of a form, not as it was sent")
        return urlencode([(pair.name, pair.value) for pair in post.params], errors="strict").encode()
    if sent.body_size and sent.body_size > 0 and (post is None or post.text is None):
        raise _Unusable("the body of its request was not saved")
    return b""


def _got_body(method: str, got: _Response) -> bytes:
    content = got.content
    if content.text is None:
        may_have_body = got.status not in BODILESS and method.upper() != "HEAD"
        if may_have_body and max(content.size or 0, got.body_size or 0) > 0:
            raise _Unusable("the body of its answer was not saved; save the HAR with content")
        return b""
    return _bytes(content.text, content.encoding, (content.size, got.body_size), "answer")


def _bytes(text: str, encoding: str | None, sizes: Collection[_Size], of: str) -> bytes:
    if not encoding:
        return _text_as_sent(text, sizes)
    if encoding.lower() != "base64":
        raise _Unusable(f"the body of its {of} is in an encoding other than base64")
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise _Unusable(f"the body of its {of} is no valid base64") from None


def _text_as_sent(text: str, sizes: Collection[_Size]) -> bytes:
    """Encode text as it was sent: UTF-8, or Latin-1 where that alone has the size recorded beside it.

    mitmproxy reads as Latin-1 what names no charset, so the size is what tells.
    """
    body = text.encode()
    if len(body) not in sizes:
        with suppress(UnicodeEncodeError):
            narrow = text.encode("latin-1")
            return narrow if len(narrow) in sizes else body
    return body


def _remarks(entry: _Entry) -> Iterator[str]:
    """Say what of an entry may not be as it was on the wire."""
    post, content = entry.request.post_data, entry.response.content
    if post and not post.text and post.params:
        yield "whose form was put together from its fields"
    texts: list[tuple[str, tuple[_Size, ...]]] = []
    if post and not post.encoding:
        texts.append((post.text or "", (entry.request.body_size,)))
    if not content.encoding:
        texts.append((content.text or "", (content.size, entry.response.body_size)))
    if any(_LOST in text for text, _ in texts):
        yield "with replacement characters, where bytes may be lost"
    if any(map(_has_other_charset, _content_types(entry))) and any(
        not text.isascii() and _text_as_sent(text, sizes) == text.encode() for text, sizes in texts
    ):
        yield "that name another charset, stored as UTF-8"


def _content_types(entry: _Entry) -> Iterator[str]:
    for pair in (*entry.request.headers, *entry.response.headers):
        if pair.name.lower() == "content-type":
            yield pair.value.lower()


def _has_other_charset(content_type: str) -> bool:
    charset = content_type.partition("charset=")[2].partition(";")[0].strip(' "')
    return bool(charset) and charset not in _UTF_8
