"""Whether a text of a cassette says just what was read of it. Texts that were edited by hand may say more.

A name that stands twice in one object, as after a conflict that was resolved by keeping both sides, is read once, and
a number of more than 64 bits is rounded. Whoever laid out such a text anew would lose what stands there.
"""

from typing import Final, NoReturn

import orjson

from runproxy.cassettes.values import path_of
from runproxy.errors import CorruptCassette
from runproxy.strictjson import find_ambiguity

_WHITE: Final = b" \t\r\n"
_LINE: Final = b"\n"
_CONFLICT: Final = b"\n<<<<<<< "


def check_says_the_same(text: bytes, value: object, where: str, start: str = "") -> None:
    """Raise `CorruptCassette` where a text says more than `value`, which was read of it; `start` is the way to it."""
    try:
        printed = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise CorruptCassette(f"{_place(where, start)}: nested deeper than JSON readers go.") from None
    # White space counts nowhere but in strings, and there it would be missing on both sides.
    if printed.translate(None, _WHITE) == text.translate(None, _WHITE):
        return
    if found := find_ambiguity(text):
        raise CorruptCassette(f"{_place(where, path_of(found.steps, start))}: {found.reason}.")


def tell_unreadable(data: bytes, where: str, error: orjson.JSONDecodeError) -> NoReturn:
    """Raise `CorruptCassette` for a text that is no JSON, with the place; `error` is what the reader said."""
    line, column, offset, reason = error.lineno, error.colno, error.pos, error.msg
    if (marker := data.find(_CONFLICT)) >= 0:
        raise CorruptCassette(
            f"{where}: line {data.count(_LINE, 0, marker) + 2} is a conflict that git has marked. Resolve it there, or "
            "let git merge cassettes with 'runproxy cassette merge --driver', as 'runproxy cassette merge --help' says."
        ) from error
    try:
        data.decode()
    except UnicodeDecodeError as undecodable:
        offset, reason = undecodable.start, "not UTF-8"
        line, column = data.count(_LINE, 0, offset) + 1, offset - data.rfind(_LINE, 0, offset)
    raise CorruptCassette(
        f"{where}: not valid JSON at line {line}, column {column} (offset {offset}): {reason}. "
        "The file was left as it is; mend it there, or restore it from version control."
    ) from error


def _place(where: str, path: str) -> str:
    return f"{where}: {path}" if path else where
