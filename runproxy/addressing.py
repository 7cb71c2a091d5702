"""How a client names a cassette for one call: a header, or a `/@NAME` in front of the path; a session: `/~ID`; faults.

    X-Runproxy-Cassette: NAME            for clients that can set a header
    http://127.0.0.1:8787/@NAME/v1       for clients that can only set a base URL; NAME is percent-encoded
    http://127.0.0.1:8787/~ID/v1         for the calls of a session; ID is what starting it gave
    X-Runproxy-Fault: NAME               for a call that asks for a fault; several names are separated by commas

All are taken off before a call is matched, recorded or forwarded.
"""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from runproxy.errors import Refusal
from runproxy.messages import FAULT_HEADER, Request, make_headers

CASSETTE_HEADER: Final = "X-Runproxy-Cassette"
_PREFIX: Final = "/@"
_SESSION_PREFIX: Final = "/~"
_JSON_SUFFIX: Final = re.compile(r"(?:\.json)+\Z")  # the name of the file is taken for that of the cassette
_MAX_PART_BYTES: Final = 200  # file systems take 255, and lock and temporary files beside it have longer names
_MAX_BYTES: Final = 700  # macOS takes paths of 1,024, and the cassette folder has its part of that
_FORBIDDEN: Final = frozenset('\\:*?"<>|')  # not portable between file systems


def take_session(request: Request) -> tuple[Request, str | None]:
    """Split a request from the session it names; None when it names none."""
    if not request.target.startswith(_SESSION_PREFIX):
        return request, None
    name, slash, rest = request.target[len(_SESSION_PREFIX) :].partition("/")
    return replace(request, target=slash + rest or "/"), name


def take_cassette_name(request: Request) -> tuple[Request, str | None]:
    """Split a request from the cassette name it carries; None when it names none.

    Raises `Refusal` when the name is unusable, or when header and prefix contradict each other.
    """
    target, names = request.target, request.headers.getall(CASSETTE_HEADER, [])
    if not names and not target.startswith(_PREFIX):
        return request, None
    if target.startswith(_PREFIX):
        raw_name, slash, rest = target[len(_PREFIX) :].partition("/")
        names = [*names, unquote(raw_name, errors="surrogateescape")]
        target = slash + rest
    if len(set(names)) > 1:
        raise Refusal("The call names more than one cassette.", code="invalid_cassette_name")
    plain = replace(_without(request, CASSETTE_HEADER), target=target or "/")
    return plain, checked_name(names[0])


def take_fault_names(request: Request) -> tuple[Request, tuple[str, ...]]:
    """Split a request from the names of the faults that it asks for; none when it asks for none."""
    if FAULT_HEADER not in request.headers:
        return request, ()
    names = [name.strip() for value in request.headers.getall(FAULT_HEADER) for name in value.split(",")]
    return _without(request, FAULT_HEADER), tuple(dict.fromkeys(filter(None, names)))


def _without(request: Request, header: str) -> Request:
    kept = [pair for pair in request.headers.items() if pair[0].lower() != header.lower()]
    return replace(request, headers=make_headers(kept))


def checked_name(name: str) -> str:
    """Give back a cassette name that is a relative path below the cassette folder; raises `Refusal`.

    Slashes make sub-folders. Empty parts, parts that start with a dot, control characters and what file systems
    give a meaning of its own are refused.
    """
    parts = _JSON_SUFFIX.sub("", name).split("/")
    if not all(map(_is_safe, parts)) or _length(name) > _MAX_BYTES:
        raise Refusal(
            f"{name!r} is no cassette name: use letters, digits, '-', '_', '.' and '/' for sub-folders, with no part "
            f"that is empty, starts with a dot, or is longer than {_MAX_PART_BYTES} bytes, and {_MAX_BYTES} in all.",
            code="invalid_cassette_name",
        )
    return "/".join(parts)


def _is_safe(part: str) -> bool:
    is_plain = part.isprintable() and not _FORBIDDEN & set(part) and not part.startswith(".")
    return bool(part) and is_plain and _length(part) <= _MAX_PART_BYTES


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
