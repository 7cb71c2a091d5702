"""Placeholders: what stands for a secret, the same for equal ones, and telling nothing of it without the key.

They are HMAC-SHA-256 (RFC 2104) of the value. One is recognised when it is met again, so that redacting twice changes
nothing: those of values by their form, those of ids by their last characters, which are a check of the others.
"""

import hmac
import re
import string
from typing import Final

import orjson

_PLACEHOLDER: Final = re.compile(r"\[redacted:[0-9a-f]{12}\]")
_SHOWN_BYTES: Final = 6
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_NAME_CHARS: Final = 16
_CHECK_CHARS: Final = 8

# An id is told from a word such as "file_search" by a digit, or by its length. In front of it may stand the end of an
# escape, of JSON or of a URL, whose last character is no part of the id.
ID: Final = re.compile(
    r"((?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2}))"
    r"(?:asst|batch|call|chatcmpl|conv|file|ftjob|msg|resp|run|step|thread|upload|vsfb|vs)[_-])"
    r"((?=[A-Za-z]*[0-9])[A-Za-z0-9]{6,}|[A-Za-z]{20,})(?![A-Za-z0-9])"
)
"""An id of the API in a text; its groups are its kind, as in `run_`, and its name."""


class Placeholders:
    """Makes placeholders with a key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Placeholders(…)"

    def of(self, value: object) -> object:
        """Give the placeholder of a value of JSON; that of null, or of a placeholder, is itself.

        Values that are equal, as `1` and `1.0` are, have one placeholder.
        """
        if value is None or (isinstance(value, str) and _PLACEHOLDER.fullmatch(value)):
            return value
        data = b"text " + _encoded(value) if isinstance(value, str) else b"json " + _canonical(value)
        return f"[redacted:{self._digest(data)[:_SHOWN_BYTES].hex()}]"

    def of_text(self, text: str) -> str:
        """Give the placeholder of a text."""
        return str(self.of(text))

    def in_place_of_ids(self, text: str) -> str:
        """Put a placeholder of the same shape in the place of every id of the API in a text."""
        return ID.sub(lambda found: found[1] + self._of_id(found[1], found[2]), text)

    def _of_id(self, prefix: str, name: str) -> str:
        shown = name[:_NAME_CHARS]
        if len(name) == _NAME_CHARS + _CHECK_CHARS and name == shown + self._check(prefix, shown):
            return name
        made = self._chars(f"id {prefix}{name}", _NAME_CHARS)
        return made + self._check(prefix, made)

    def _check(self, prefix: str, shown: str) -> str:
        return self._chars(f"check {prefix}{shown}", _CHECK_CHARS)

    def _chars(self, text: str, count: int) -> str:
        """Give so many letters and digits; the last is a digit, so that what is made of them is an id again."""
        number = int.from_bytes(self._digest(_encoded(text)))
        chars = [_ALPHABET[number % 10]]
        number //= 10
        for _ in range(count - 1):
            number, place = divmod(number, len(_ALPHABET))
            chars.append(_ALPHABET[place])
        return "".join(reversed(chars))

    def _digest(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _canonical(value: object) -> bytes:
    return orjson.dumps(_by_value(value), option=orjson.OPT_SORT_KEYS)


def _by_value(value: object) -> object:
    """Give floats that are whole numbers as integers, so that `1.0` and `1` are one."""
    if isinstance(value, dict):
        return {name: _by_value(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_by_value(held) for held in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value
