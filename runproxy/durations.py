"""Spans of time as people write them: `90d`, `12h`."""

import re
from datetime import timedelta
from types import MappingProxyType
from typing import Final

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([smhdw])", re.ASCII)
_UNITS: Final = MappingProxyType({"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"})


def parse_duration(text: str) -> timedelta:
    """Read a span of time; raises `ValueError` that says what was expected."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("a number and one of s, m, h, d and w was expected, such as '90d'")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def checked_duration(text: str) -> str:
    """Hold a text against the form of spans of time; empty is none. Raises `ValueError`."""
    if text:
        parse_duration(text)
    return text
