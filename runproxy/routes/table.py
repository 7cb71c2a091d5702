"""Which guarded endpoint a path is, if any, and what only looks like one of them.

A template matches the end of a path, so every prefix is guarded (`/v1`, Azure's `/openai`, a Foundry project). The
ids are checked on the raw path and nothing is ever percent-decoded for use: `r%2Fcancel` is not an id. A path that
does not match as it stands, but would in the reading of a more lenient server, is a disguise.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from runproxy.routes.paths import PLAIN_PATH, PLAIN_SEGMENT, most_lenient_reading
from runproxy.routes.route import ID_PATTERN, Route

_MARK: Final = re.compile(r"[^a-z0-9_~-]")


class Lookalike(Enum):
    """Why a path that is no guarded address may not pass as an ordinary one either."""

    DISGUISED = "it reads as a guarded address once decoded or normalised"
    BAD_ID = f"an id in it is not made of 1 to 128 of the characters {ID_PATTERN.partition('{')[0]}"
    OTHER_CASE = "it is a guarded address but for upper and lower case"


class RouteTable:
    """Tells for a raw path which guarded route it is, if any.

    Of several routes that fit, the one with the most segments is found, and among those the one with the most fixed
    words: `/threads/runs` is no thread. Raises `ValueError` for routes that could not be told apart.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        # The prefix takes as little as it can, so that the longest template is tried first.
        self._routes = tuple(sorted(routes, key=lambda route: (-len(route.words), route.words.count(None))))
        choices = "|".join(f"(?P<r{number}>{route.pattern})" for number, route in enumerate(self._routes))
        self._pattern = re.compile(rf"(?P<prefix>(?:{PLAIN_SEGMENT})*?)(?:{choices or '(?!)'})", re.ASCII)
        self._by_group = {f"r{number}": route for number, route in enumerate(self._routes)}
        self._words = tuple(route.words for route in self._routes)
        self._folded = tuple(tuple(word and word.casefold() for word in words) for words in self._words)
        self._check_told_apart()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes, in the order in which they are tried."""
        return self._routes

    def find(self, path: str) -> Route | Lookalike | None:
        """Classify a raw path: a guarded route, something that only looks like one, or None of both."""
        found = self._pattern.fullmatch(path)
        if found and found.lastgroup:
            return self._by_group[found.lastgroup]
        if PLAIN_PATH.fullmatch(path):
            return self._misshapen(path)
        return Lookalike.DISGUISED if self._mentions_words(path) else None

    def base_path(self, path: str) -> str | None:
        """Give what stands before the template in a guarded path; None for any other path."""
        found = self._pattern.fullmatch(path)
        return found["prefix"] if found else None

    def _misshapen(self, path: str) -> Lookalike | None:
        segments = path.strip("/").split("/")
        if any(_ends_with(segments, words) for words in self._words):
            return Lookalike.BAD_ID
        folded = [segment.casefold() for segment in segments]
        if any(_ends_with(folded, words) for words in self._folded):
            return Lookalike.OTHER_CASE
        # `/responses.json` and `/threads;a/…` are the bare words to some servers.
        bare = [_MARK.split(segment, maxsplit=1)[0] for segment in folded]
        return Lookalike.DISGUISED if any(_ends_with(bare, words) for words in self._folded) else None

    def _mentions_words(self, path: str) -> bool:
        """Tell whether all fixed words of a route turn up in an odd path, in whatever order and disguise."""
        reading = most_lenient_reading(path)
        return reading is None or any(all(word in reading for word in words if word) for words in self._folded)

    def _check_told_apart(self) -> None:
        names = [route.name for route in self._routes]
        for what, marks in (("address", self._folded), ("name", names)):
            twice = [name for name, mark in zip(names, marks, strict=True) if list(marks).count(mark) > 1]
            if twice:
                raise ValueError(f"two routes have one {what}: {', '.join(twice)}")


def _ends_with(segments: list[str], words: tuple[str | None, ...]) -> bool:
    tail = segments[-len(words) :]
    return len(tail) == len(words) and all(word in (None, segment) for word, segment in zip(words, tail, strict=True))
