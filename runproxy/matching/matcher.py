"""The matcher: how two requests are compared, by what the settings say."""

from collections.abc import Container, Iterable, Mapping
from typing import Final, Protocol
from urllib.parse import unquote_plus

import orjson

from runproxy.matching.key import MatchKey, match_key
from runproxy.matching.nearest import Nearest, nearest
from runproxy.matching.settings import MatchSettings
from runproxy.messages import Headers, Request

_ANY: Final = "*"


class Redaction(Protocol):
    """What the matcher must know of redaction, so that what was recorded matches itself."""

    def scrub(self, request: Request) -> Request:
        """Replace secrets in what is compared of every request."""
        ...  # pragma: no cover

    def may_be_told(self, request: Request) -> bool:
        """Tell whether a request, once scrubbed, is free of what is redacted in it."""
        ...  # pragma: no cover

    def compared_headers(self, headers: Headers, names: Container[str]) -> Headers:
        """Give the headers of these names as they are stored, or would be."""
        ...  # pragma: no cover


class Matcher:
    """Tells what requests share that one recording answers.

    Recorded and received requests go through the same steps: redaction, then what does not count is taken out.
    """

    def __init__(self, redaction: Redaction, settings: MatchSettings | None = None) -> None:
        self._redaction = redaction
        self.settings = settings or MatchSettings()
        self._headers = self.settings.headers
        self._ignored_names = frozenset(self.settings.ignore_query)
        self._pointers = [_steps(pointer) for pointer in self.settings.ignore_body]
        self._prefixes = sorted(self.settings.prefixes, key=len, reverse=True)
        self.is_plain = self.settings.model_copy(update={"rebind_ids": False}) == MatchSettings()

    @property
    def reads_headers(self) -> bool:
        """Tell whether headers count."""
        return bool(self._headers)

    def with_more(self, settings: MatchSettings) -> "Matcher":
        """Make a matcher that heeds these settings, too."""
        return self if settings == MatchSettings() else Matcher(self._redaction, self.settings.with_more(settings))

    def key(self, request: Request) -> MatchKey:
        """Derive what a request shares with all that one recording answers."""
        if self.is_plain:
            return match_key(self._redaction.scrub(request))
        return match_key(self.seen(request), self._headers)

    def scrubbed(self, request: Request) -> Request:
        """Give a request as it may be shown and stored."""
        return self._redaction.scrub(request)

    def may_be_told(self, request: Request) -> bool:
        """Tell whether what a scrubbed request says may be kept, and shown to others than who sent it."""
        return self._redaction.may_be_told(request)

    def seen(self, request: Request) -> Request:
        """Give a request as it is compared."""
        if self.is_plain:
            return self._redaction.scrub(request)
        redacted = self._redaction.scrub(request)
        path, query = self._without_prefix(redacted.path), self._without_ignored(redacted.query)
        headers = self._redaction.compared_headers(redacted.headers, self._headers)
        target, body = f"{path}?{query}" if query else path, self._body(redacted.body)
        return Request(redacted.method, target, headers, body, digest=redacted.digest)

    def nearest(self, request: Request, recorded: Mapping[int, Request]) -> Nearest | None:
        """Find the recording that differs least from a call, in what counts; None when there is none."""
        return nearest(self.seen(request), {place: self.seen(held) for place, held in recorded.items()}, self._headers)

    @property
    def described(self) -> str:
        """Say in words what agrees between a call and a recording that answers it."""
        counted = ["method", "path", "query", "body", *(f"header {name}" for name in self._headers)]
        settings = self.settings
        left_out = [
            *(f"query {name}" for name in settings.ignore_query),
            *(f"body {pointer}" for pointer in settings.ignore_body),
            *(f"prefix {prefix}" for prefix in settings.prefixes),
            *(["ids, which are rebound"] if settings.rebind_ids else []),
        ]
        text = f"{', '.join(counted[:-1])} and {counted[-1]} agree"
        return f"{text}; left out of account: {', '.join(left_out)}" if left_out else text

    def _without_prefix(self, path: str) -> str:
        for prefix in self._prefixes:
            if path.startswith(prefix) and path[len(prefix) :][:1] in ("", "/"):
                return path[len(prefix) :] or "/"
        return path

    def _without_ignored(self, query: str) -> str:
        if not (query and self._ignored_names):
            return query
        pairs = query.split("&")
        return "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in self._ignored_names)

    def _body(self, body: bytes) -> bytes:
        if not (body and self._pointers):
            return body
        try:
            value = orjson.loads(body)
            for steps in self._pointers:
                _take_out(value, steps)
            return orjson.dumps(value)
        except (
            orjson.JSONDecodeError,
            orjson.JSONEncodeError,
        ):  # compared byte by byte, as all that is no JSON
            return body


def _steps(pointer: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def _take_out(value: object, steps: tuple[str, ...]) -> None:
    """Take what stands at a place out of a value, in place; of an array, the other items stay where they are."""
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        for name in _chosen(step, value):
            if rest:
                _take_out(value[name], rest)
            else:
                del value[name]
    elif isinstance(value, list):
        _take_out_items(value, step, rest)


def _take_out_items(items: list[object], step: str, rest: tuple[str, ...]) -> None:
    if step == _ANY and not rest:
        items.clear()
        return
    for place in _chosen(step, map(str, range(len(items)))):
        if rest:
            _take_out(items[int(place)], rest)
        else:
            items[int(place)] = None


def _chosen(step: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if step in (_ANY, name)]
