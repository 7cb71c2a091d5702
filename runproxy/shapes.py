"""What text looks like: the shapes of secrets, and of data about people.

Shapes are a net for accidents: text that means to hide something can be written so that no shape finds it.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from runproxy.patterns import BytesPattern, compile_bytes, compile_text

# A letter or digit in front means that the shape is the end of a longer word: "task-…" is no "sk-…". Unless it is the
# end of an escape, of JSON or of a URL: the file holds what was a line break as a backslash and an "n".
_WORD_START: Final = rb"(?:^|[^A-Za-z0-9]|\\[bfnrt]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})"


@dataclass(frozen=True, slots=True)
class TokenShape:
    """A well-known kind of secret: text without any of its `marks` cannot hold one, which is quick to see."""

    name: str
    marks: tuple[bytes, ...]
    pattern: BytesPattern


def _token(name: str, marks: str, pattern: str) -> TokenShape:
    return TokenShape(name, tuple(marks.encode().split()), compile_bytes(_WORD_START + b"(?:%b)" % pattern.encode()))


TOKEN_SHAPES: Final = (
    _token("OpenAI key", "sk-", r"sk-[A-Za-z0-9_-]{20,}"),
    _token("session token", "sess-", r"sess-[A-Za-z0-9]{32,}"),
    _token("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,}"),
    _token("GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{40,}"),
    _token("GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,}"),
    _token("AWS access key", "AKIA ASIA", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    _token("Slack token", "xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _token("Google API key", "AIza", r"AIza[0-9A-Za-z_-]{35}"),
    _token("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _token("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("JSON web token", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    _token("private key", "-----BEGIN", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    _token("bearer token", "earer", r"[Bb]earer [A-Za-z0-9._~+/-]{20,}"),
)
_MIN_TOKEN_BYTES: Final = 15  # the shortest is Slack's
_MARKED_TOKENS: Final = tuple((mark, shape) for shape in TOKEN_SHAPES for mark in shape.marks)

_EMAIL: Final = compile_text(r"[\pL\pN.!#$%&'*+/=?^_`{|}~-]@(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+[\pL]{2,}")
# With a country code, or as written in North America; bare digits may be any number, so they are let through.
_PHONE: Final = compile_text(
    r"(?:^|[^\pL\pN.+])(?:(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){7,14}|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})"
    r"(?:$|[^\pL\pN])"
)
_MIN_PHONE_CHARS: Final = 9  # a sign and 8 digits, as the pattern has it at least
_DIGITS: Final = compile_text(r"\d(?:[ -]?\d){12,}")
_CARD_DIGITS: Final = range(13, 20)  # ISO/IEC 7812: up to 19; no issuer uses fewer than 13
_CARD_FIRST: Final = "23456"  # of payment cards: Mastercard 2 and 5, Amex and Diners 3, Visa 4, Discover and UnionPay 6


def find_token(data: bytes) -> str | None:
    """Name the kind of secret that data holds the shape of; None when it holds none."""
    if len(data) < _MIN_TOKEN_BYTES:
        return None
    for mark, shape in _MARKED_TOKENS:
        if mark in data and shape.pattern.search(data):
            return shape.name
    return None


def holds_email(text: str) -> bool:
    """Tell whether text holds an e-mail address."""
    return "@" in text and _EMAIL.search(text) is not None


def holds_phone(text: str) -> bool:
    """Tell whether text holds a telephone number: one with a country code, or one of North America with separators."""
    return len(text) >= _MIN_PHONE_CHARS and _PHONE.search(text) is not None


def holds_card(text: str) -> bool:
    """Tell whether text holds the number of a payment card: 13 to 19 digits that pass the Luhn check."""
    if len(text) < _CARD_DIGITS.start:
        return False
    return any(_is_card(digits) for run in _runs_of_digits(text) for digits in _joined(run.split()))


def holds_token(text: str) -> bool:
    """Tell whether text holds the shape of a well-known kind of secret."""
    return find_token(text.encode("utf-8", "surrogatepass")) is not None


SHAPES: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {"email": holds_email, "phone": holds_phone, "credit_card": holds_card, "token": holds_token}
)
"""Each shape by its name in a policy."""


def finds(shape: str, text: str) -> bool:
    """Tell whether text holds a shape, also when its letters and digits are written in a compatible form."""
    return SHAPES[shape](text if text.isascii() else unicodedata.normalize("NFKC", text))


def passes_luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = "0246813579"
    total = sum(int(doubled[int(digit)]) if place % 2 else int(digit) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _runs_of_digits(text: str) -> Iterator[str]:
    """Yield each run of 13 digits or more, its groups parted by spaces."""
    for found in _DIGITS.finditer(text):
        yield found[0].replace("-", " ")


def _joined(groups: list[str]) -> Iterator[str]:
    """Yield what neighbouring groups make together, where that is as long as the number of a card."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) >= _CARD_DIGITS.stop:
                break
            if len(digits) in _CARD_DIGITS:
                yield digits


def _is_card(digits: str) -> bool:
    return digits[0] in _CARD_FIRST and passes_luhn(digits)
