"""The endpoints whose body is guarded: their templates, their id rule, and what only looks like one of them.

A template matches the end of a path, so every prefix is guarded (`/v1`, Azure's `/openai`, a Foundry project). The
ids are checked on the raw path and nothing is ever percent-decoded for use: `r%2Fcancel` is not an id. A path that
does not match as it stands, but would in the reading of a more lenient server, is a disguise.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote

ID_PATTERN: Final = r"[A-Za-z0-9_-]{1,128}"
"""What an id may consist of; the service's own are a word, an underscore and 24 letters and digits."""

# A segment that every server reads alike: nothing encoded, no parameters, and not `.` or `..`.
_PLAIN_SEGMENT: Final = r"/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_~!$&'()*+,=:@.-]+"
_PLAIN_PATH: Final = re.compile(f"(?:{_PLAIN_SEGMENT})+")
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # control and format characters, and what is no character
_MAX_DECODINGS: Final = 4  # a path that is still encoded after so many rounds is no honest path


@dataclass(frozen=True, slots=True)
class Route:
    """A guarded endpoint: `template` holds fixed words and `{placeholders}`, below any prefix."""

    name: str
    method: str
    template: str

    @property
    def words(self) -> tuple[str | None, ...]:
        """The segments in order, None for a placeholder."""
        return tuple(None if part.startswith("{") else part for part in self.template.strip("/").split("/"))

    @property
    def pattern(self) -> re.Pattern[str]:
        """What matches a whole raw path, with a group per placeholder."""
        template = re.sub(r"\{(\w+)\}", rf"(?P<\1>{ID_PATTERN})", self.template)
        return re.compile(rf"(?P<prefix>(?:{_PLAIN_SEGMENT})*){template}", re.ASCII)


MODIFY_RUN: Final = Route("modify_run", "POST", "/threads/{thread_id}/runs/{run_id}")


class Lookalike(Enum):
    """Why a path that is no guarded address may not pass as an ordinary one either."""

    DISGUISED = "it reads as a guarded address once decoded or normalised"
    BAD_ID = f"an id in it is not made of 1 to 128 of the characters {ID_PATTERN.partition('{')[0]}"


class RouteTable:
    """Tells for a raw path which guarded route it is, if any."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = tuple((route, route.pattern, route.words) for route in routes)

    def find(self, path: str) -> Route | Lookalike | None:
        """Classify a raw path: a guarded route, something that only looks like one, or None of both."""
        for route, pattern, _ in self._routes:
            if pattern.fullmatch(path):
                return route
        if _PLAIN_PATH.fullmatch(path):
            return Lookalike.BAD_ID if self._has_shape(path) else None
        return Lookalike.DISGUISED if self._mentions_words(path) else None

    def base_path(self, path: str) -> str | None:
        """Give what stands before the template in a guarded path; None for any other path."""
        for _, pattern, _ in self._routes:
            found = pattern.fullmatch(path)
            if found:
                return found["prefix"]
        return None

    def _has_shape(self, path: str) -> bool:
        segments = path.casefold().strip("/").split("/")
        return any(_ends_with(segments, words) for _, _, words in self._routes)

    def _mentions_words(self, path: str) -> bool:
        """Tell whether all fixed words of a route turn up in an odd path, in whatever order and disguise."""
        reading = _most_lenient_reading(path)
        return reading is None or any(all(word in reading for word in words if word) for _, _, words in self._routes)


GUARDED: Final = RouteTable((MODIFY_RUN,))
"""What is guarded."""


def _ends_with(segments: list[str], words: tuple[str | None, ...]) -> bool:
    tail = segments[-len(words) :]
    return len(tail) == len(words) and all(word in (None, segment) for word, segment in zip(words, tail, strict=True))


def climbs(path: str) -> bool:
    """Tell whether a path holds a `.` or `..` segment, in whatever disguise, and so may leave the prefix it shows."""
    if "%" not in path and "/." not in path and "\\" not in path:
        return False
    reading = _decoded(path)
    if reading is None:
        return True
    segments = reading.replace("\\", "/").split("/")
    return any(segment.partition(";")[0] in (".", "..") for segment in segments)


def _most_lenient_reading(path: str) -> str | None:
    """Read a path as the most obliging server would; None when that cannot be told, or says something invisible."""
    reading = _decoded(path)
    if reading is None or any(unicodedata.category(char) in _INVISIBLE for char in reading):
        return None
    return unicodedata.normalize("NFKC", reading).casefold()


def _decoded(path: str) -> str | None:
    """Decode for as long as there is something to decode; None when it does not end, or is not valid UTF-8."""
    for _ in range(_MAX_DECODINGS):
        if _BAD_ESCAPE.search(path):
            return None
        try:
            decoded = unquote(path, errors="strict")
        except UnicodeDecodeError:
            return None
        if decoded == path:
            return path
        path = decoded
    return None
