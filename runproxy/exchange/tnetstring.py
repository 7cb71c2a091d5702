"""Tagged netstrings as mitmproxy writes them: `LENGTH:DATA` and a tag that says what the data is.

    5:hello,   bytes       2:42#     integer     4:true!   boolean     …]   list: items one after the other
    5:hello;   text        3:1.5^    number      0:~       nothing     …}   object: names and values in turn

Size and depth are bounded, and nothing but values comes out.
"""

from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 32
MAX_BYTES: Final = 256 * 1024 * 1024
"""The largest single element read; a flow holds both bodies of one call."""

_MAX_LENGTH_DIGITS: Final = 12
_MAX_NUMBER_DIGITS: Final = 64
_COMMA, _SEMICOLON, _HASH, _CARET, _BANG, _TILDE, _BRACKET, _BRACE = b",;#^!~]}"


def read_elements(data: bytes) -> Iterator[Any]:
    """Yield the elements that stand one after the other; raises `ValueError` with the offset of what is wrong."""
    at = 0
    while at < len(data):
        value, at = _element(data, at, len(data), 0)
        yield value


def _element(data: bytes, at: int, end: int, depth: int) -> tuple[Any, int]:
    """Read the element that starts at `at`, which ends before `end`, and give where the next one starts."""
    if depth > MAX_DEPTH:
        raise ValueError(f"offset {at}: nested deeper than {MAX_DEPTH} levels")
    start = _start_of_data(data, at, end)
    last = start + int(data[at : start - 1])
    if last - start > MAX_BYTES:
        raise ValueError(f"offset {at}: an element of {last - start} bytes is larger than {MAX_BYTES}")
    if last >= end:
        raise ValueError(f"offset {at}: the file ends inside an element; it was cut off")
    tag = data[last]
    if tag == _BRACKET:
        return _items(data, start, last, depth), last + 1
    if tag == _BRACE:
        return _members(data, start, last, depth), last + 1
    return _scalar(data[start:last], tag, at), last + 1


def _start_of_data(data: bytes, at: int, end: int) -> int:
    colon = data.find(b":", at, min(at + _MAX_LENGTH_DIGITS + 1, end))
    if colon <= at or not data[at:colon].isdigit():
        raise ValueError(f"offset {at}: the length of an element was expected")
    return colon + 1


def _items(data: bytes, at: int, end: int, depth: int) -> list[Any]:
    items = []
    while at < end:
        item, at = _element(data, at, end, depth + 1)
        items.append(item)
    return items


def _members(data: bytes, at: int, end: int, depth: int) -> dict[str, Any]:
    members = {}
    while at < end:
        place = at
        name, at = _element(data, at, end, depth + 1)
        value, at = _element(data, at, end, depth + 1)
        members[_name(name, place)] = value
    return members


def _name(name: Any, at: int) -> str:
    match name:
        case str():
            return name
        case bytes():
            return name.decode("utf-8", "backslashreplace")
    raise ValueError(f"offset {at}: the name of a member was expected")


def _scalar(text: bytes, tag: int, at: int) -> Any:
    try:
        return _scalar_of(text, tag)
    except ValueError:  # a number, a text or a word that is none
        raise ValueError(f"offset {at}: an element does not hold what its tag {chr(tag)!a} says") from None


def _scalar_of(text: bytes, tag: int) -> Any:
    if tag == _COMMA:
        return text
    if tag == _SEMICOLON:
        return text.decode()
    if tag in (_HASH, _CARET) and len(text) <= _MAX_NUMBER_DIGITS:
        return int(text) if tag == _HASH else float(text)
    if tag == _BANG and text in (b"true", b"false"):
        return text == b"true"
    if tag == _TILDE and not text:
        return None
    raise ValueError("unknown tag")
