"""What text looks like: the shapes of secrets, and of data about people.

Shapes are a net for accidents: text that means to hide something can be written so that no shape finds it.
"""

import re
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
    _token("Stripe key", "k_live_", r"[sr]k_live_[A-Za-z0-9]{16,}"),
    _token("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _token("session token", "sess-", r"sess-[A-Za-z0-9]{32,}"),
    _token("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,}"),
    _token("GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{40,}"),
    _token("GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,}"),
    _token("AWS access key", "AKIA ASIA", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    _token("Slack token", "xox xapp-", r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}"),
    _token("Google API key", "AIza", r"AIza[0-9A-Za-z_-]{35}"),
    _token("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _token("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("JSON web token", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    _token("private key", "-----BEGIN", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    _token("bearer token", "earer EARER", r"(?i:bearer) [A-Za-z0-9._~+/-]{20,}"),
)
_MIN_TOKEN_BYTES: Final = 15  # the shortest is Slack's
_MARKED_TOKENS: Final = tuple((mark, shape) for shape in TOKEN_SHAPES for mark in shape.marks)
_ANY_MARK: Final = compile_bytes(b"|".join(re.escape(mark) for mark, _ in _MARKED_TOKENS))

_EMAIL: Final = compile_text(r"[\pL\pN.!#$%&'*+/=?^_`{|}~-]@(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+[\pL]{2,}")
# With a country code, or as written in North America; bare digits may be any number, so they are let through.
# What goes on behind a dash is a part of something longer, such as an id.
_PHONE: Final = compile_text(
    r"(?:^|[^\pL\pN.+-])"
    r"(?:(?:\+[1-9]|00[1-9]\d{0,2}[ ./-])(?:[ ()./-]{0,2}\d){7,14}"
    r"|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})"
    r"(?:$|[^\pL\pN-]|-(?:$|[^\pL\pN]))"
)
_MIN_PHONE_CHARS: Final = 9  # a sign and 8 digits, as the pattern has it at least
_MIN_CARD_CHARS: Final = 13
_COMPATIBLE: Final = (
    range(0xA0, 0x100),  # no-break space, superscripts
    range(0x2000, 0x2500),  # spaces, subscripts, letters and digits in circles
    range(0x3000, 0x3001),
    range(0xFE50, 0xFFE7),  # small and full-width forms
    range(0x1D400, 0x1D800),  # mathematical letters and digits
    range(0x1FBF0, 0x1FBFA),  # digits of displays
)


def _plain_forms() -> dict[int, str]:
    """Give the ASCII character for each one that is another form of it (Unicode's NFKC).

    A table, because normalising a whole text may take the square of its length.
    """
    forms = {code: unicodedata.normalize("NFKC", chr(code)) for span in _COMPATIBLE for code in span}
    return {code: form for code, form in forms.items() if len(form) == 1 and form.isascii()}


_PLAIN_FORMS: Final = MappingProxyType(_plain_forms())
_MAYBE_CARD: Final = compile_text(r"\d{13}|\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}|\d{4}[ -]\d{6}[ -]\d{4}")
# Not RE2, which takes longer to give many places; each character can be read in one way only, so this is linear too.
_WORDS: Final = re.compile(r"[^\W_]+(?:[ .-][^\W_]+)*")
_GROUPS_BY_SECOND: Final = MappingProxyType({4: ((4, 4, 4, 4), (4, 4, 4, 4, 3)), 6: ((4, 6, 5), (4, 6, 4))})
"""How the digits of a card are grouped when they are not written in one, by the size of the second group."""


def _issued() -> dict[str, frozenset[int]]:
    """Tell by its first four digits how long the number of a card is: other digits that pass the check are ids."""
    issuers: tuple[tuple[range, tuple[int, ...]], ...] = (
        (range(4000, 5000), (13, 16, 19)),  # Visa
        (range(5100, 5600), (16,)),  # Mastercard
        (range(2221, 2721), (16,)),
        (range(3400, 3500), (15,)),  # American Express
        (range(3700, 3800), (15,)),
        (range(3000, 3060), (14,)),  # Diners Club
        (range(3600, 3700), (14,)),
        (range(3800, 4000), (14,)),
        (range(6011, 6012), (16, 17, 18, 19)),  # Discover
        (range(6440, 6600), (16, 17, 18, 19)),
        (range(6200, 6300), (16, 17, 18, 19)),  # UnionPay
        (range(3528, 3590), (16, 17, 18, 19)),  # JCB
    )
    return {str(first): frozenset(lengths) for span, lengths in issuers for first in span}


_ISSUED: Final = MappingProxyType(_issued())


def find_token(data: bytes) -> str | None:
    """Name the kind of secret that data holds the shape of; None when it holds none."""
    if len(data) < _MIN_TOKEN_BYTES or not _ANY_MARK.search(data):
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
    """Tell whether text holds the number of a payment card: as long as its issuer's are, and with its check digit."""
    return _MAYBE_CARD.search(text) is not None and any(_is_card(digits) for digits in _candidates(text))


def holds_token(text: str) -> bool:
    """Tell whether text holds the shape of a well-known kind of secret."""
    return find_token(text.encode("utf-8", "surrogatepass")) is not None


SHAPES: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {"email": holds_email, "phone": holds_phone, "credit_card": holds_card, "token": holds_token}
)
"""Each shape by its name in a policy."""


def finds(shape: str, text: str) -> bool:
    """Tell whether text holds a shape, also when its letters and digits are written in a compatible form."""
    return SHAPES[shape](text if text.isascii() else text.translate(_PLAIN_FORMS))


def passes_luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = "0246813579"
    total = sum(int(doubled[int(digit)]) if place % 2 else int(digit) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _candidates(text: str) -> Iterator[str]:
    """Yield what may be the number of a card: digits that are a whole word, or words that are grouped as on a card."""
    for found in _WORDS.finditer(text):
        words = re.split("([ .-])", found[0])  # words at the even places, what parts them at the odd ones
        for place in range(0, len(words), 2):
            word = words[place]
            if not word.isdecimal():
                continue
            if len(word) >= _MIN_CARD_CHARS and "." not in _beside(words, place, place + 1):  # that is a fraction
                yield word
            elif word in _ISSUED:
                yield from _grouped(words, place)


def _grouped(words: list[str], place: int) -> Iterator[str]:
    for sizes in _GROUPS_BY_SECOND.get(len("".join(words[place + 2 : place + 3])), ()):
        end = place + 2 * len(sizes) - 1
        groups, parting = words[place:end:2], set(words[place + 1 : end : 2])
        is_whole = parting in ({" "}, {"-"}) and not {"-", "."} & set(_beside(words, place, end))
        if is_whole and tuple(map(len, groups)) == sizes and all(map(str.isdecimal, groups)):
            yield "".join(groups)


def _beside(words: list[str], start: int, end: int) -> list[str]:
    """Give what parts some words from those before and after them."""
    return [*words[max(0, start - 1) : start], *words[end : end + 1]]


def _is_card(digits: str) -> bool:
    return len(digits) in _ISSUED.get(digits[:4], ()) and passes_luhn(digits)
