"""Bodies as values, and places in them: in errors and reports as a path, in options as a JSON pointer."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

import orjson

from runproxy.coding import decompressed
from runproxy.messages import Request, Response
from runproxy.positions import Steps

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP: Final = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]')
_ESCAPED: Final = re.compile("~(?![01])")


class Absent(Enum):
    """Stands for what one side does not have, which is not the same as null."""

    ABSENT = "(absent)"


ABSENT: Final = Absent.ABSENT


class PlainText(str):
    """A body that is no JSON, which differs from a JSON string of the same characters."""

    __slots__ = ()


def body_value(message: Request | Response) -> object:
    """Read a body as the JSON it is, decompressed; else as text, where bytes that are none stand as surrogates."""
    if not message.body:
        return ABSENT
    body = decompressed(message.body, message.headers.get("content-encoding", ""))
    body = message.body if body is None else body
    try:
        value: object = orjson.loads(body)
        orjson.dumps(value)  # what is nested deeper than this goes is not walked through either
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return PlainText(body.decode("utf-8", "surrogateescape"))
    return value


def path_of(steps: Sequence[str | int], start: str = "") -> str:
    """Write a place as in `response.body.tools[0].type`; a name that could be misread stands in brackets."""
    path = start
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_NAME.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{orjson.dumps(step).decode()}]"
    return path


def steps_in(path: str) -> Steps:
    """Take a place apart that `path_of` has written."""
    return tuple(
        name or (int(position) if position else orjson.loads(quoted)) for name, position, quoted in _STEP.findall(path)
    )


def pointer_of(steps: Sequence[str | int]) -> str:
    """Write a place as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def steps_of(pointer: str) -> tuple[str, ...]:
    """Take a JSON pointer apart; raises `ValueError` when it is none. The empty one is the whole value."""
    if (pointer and not pointer.startswith("/")) or _ESCAPED.search(pointer):
        raise ValueError(f"{pointer!r} is no JSON pointer such as '/created_at' or '/data/*/id'")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
