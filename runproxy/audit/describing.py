"""From a call to what is kept of it: bounded, without secrets, and its values as the settings say."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from runproxy import strictjson
from runproxy.audit.clients import client_of, sdk_of
from runproxy.audit.event import (
    MAX_KEY_KEPT_CHARS,
    MAX_OBJECTS_KEPT,
    MAX_PAIRS_KEPT,
    MAX_TEXT_KEPT_CHARS,
    AuditEvent,
    Decision,
    Finding,
    MetadataObject,
    Pair,
)
from runproxy.audit.values import Keeping
from runproxy.calls import Call
from runproxy.errors import Refusal, TooManyCredentials
from runproxy.guard import MetadataRefused
from runproxy.logs import HELD_BACK
from runproxy.messages import Request
from runproxy.redaction import WriteGate
from runproxy.routes import Place
from runproxy.violations import Violation

_TYPES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}
_NOT_JSON: Final = "invalid_json"  # the service gives no code for it
_ELLIPSIS: Final = "…"


class _Entry(NamedTuple):
    """A key and the text of its value: of another type than text, its JSON."""

    param: str
    key: str
    text: str
    type: str


class Describer:
    """Describes calls as they are kept.

    What holds a credential that `gate` knows, or the shape of one, is masked. `trusts` tells which peers are believed
    when they say for which client they call.
    """

    def __init__(self, keeping: Keeping, gate: WriteGate, trusts: Callable[[str], bool] = lambda _: False) -> None:
        self._keeping = keeping
        self._gate = gate
        self._trusts = trusts

    def describe(self, call: Call, at_ms: int) -> AuditEvent:
        """Give what is kept of a call; `at_ms` is when it was made."""
        request, caller, places = call.request, call.caller, _places_in(call)
        ids = call.guarded.ids_in(request.path) if call.guarded else {}
        sdk, version = sdk_of(request.headers)
        texts = {
            "method": request.method,
            "path": request.path,
            "thread_id": ids.get("thread_id", ""),
            "run_id": ids.get("run_id", ""),
            "client": client_of(request, self._trusts),
            "user_agent": request.headers.get("User-Agent", ""),
            "sdk": sdk,
            "sdk_version": version,
        }
        entries = list(islice(_entries(places), MAX_PAIRS_KEPT))
        findings = list(_findings_of(call))
        texts_within = (*texts.values(), *_texts_of(entries), *(found.param for found in findings))
        writing = self._writing_for(request, texts_within)
        kept = texts if writing is _PLAIN else {name: writing.text(text) for name, text in texts.items()}
        return AuditEvent(
            at_ms,
            request.id,
            call.mode,
            call.route,
            decision=_decision(call),
            team=caller.team or "",
            team_source=caller.source or "",
            fingerprint=caller.fingerprint or "",
            **kept,
            objects=tuple([_object(place) for place in places]),
            pairs=tuple([self._pair(entry, writing) for entry in entries]),
            findings=tuple([replace(found, param=writing.text(found.param)) for found in findings]),
        )

    def _pair(self, entry: _Entry, writing: "_Writing") -> Pair:
        value, form = self._keeping.keep(entry.key, entry.text)
        if writing.hides(entry.text):
            value, form = None, "masked"
        return Pair(entry.param, writing.key(entry.key), value, len(entry.text), entry.type, form)

    def _writing_for(self, request: Request, texts: Iterable[str]) -> "_Writing":
        """Tell how texts are written down: mostly as they are, which one look at all of them tells."""
        try:
            self._gate.learn(request)
        except TooManyCredentials:
            return _Writing(lambda _: False)
        together = "\n".join(texts)
        if not self._gate.lets_pass(together):
            return _Writing(self._gate.lets_pass)
        is_plain = len(together) <= MAX_KEY_KEPT_CHARS and together.isascii()
        return _PLAIN if is_plain else _Writing(_always)


class _Writing:
    """How texts are written down: cut, without surrogates, and with a word in place of what does not pass."""

    def __init__(self, passes: Callable[[str], bool]) -> None:
        self._passes = passes

    def hides(self, text: str) -> bool:
        return bool(text) and not self._passes(text)

    def text(self, text: str) -> str:
        return _cut(HELD_BACK if self.hides(text) else _plain(text), MAX_TEXT_KEPT_CHARS)

    def key(self, key: str) -> str:
        return _cut(HELD_BACK if self.hides(key) else key, MAX_KEY_KEPT_CHARS)


class _Unchanged(_Writing):
    """How texts are written down that are short, hold no secret, and are ASCII: as they are."""

    def hides(self, text: str) -> bool:
        return False

    def text(self, text: str) -> str:
        return text

    def key(self, key: str) -> str:
        return key


def _always(_: str) -> bool:
    return True


_PLAIN: Final = _Unchanged(_always)


def _places_in(call: Call) -> list[Place]:
    if call.guarded is None or call.body is None:
        return []
    found = call.guarded.find_places(dict(call.body))
    return list(islice((place for place in found if isinstance(place, Place)), MAX_OBJECTS_KEPT))


def _object(place: Place) -> MetadataObject:
    return MetadataObject(place.param, len(place.value) if isinstance(place.value, dict) else None, place.is_main)


def _entries(places: Iterable[Place]) -> Iterator[_Entry]:
    for place in places:
        for key, value in place.value.items() if isinstance(place.value, dict) else ():
            text = value if isinstance(value, str) else strictjson.canonical(value).decode()
            yield _Entry(place.param, key, text, _TYPES[type(value)])


def _texts_of(entries: Iterable[_Entry]) -> Iterator[str]:
    for entry in entries:
        yield entry.key
        yield entry.text


def _findings_of(call: Call) -> Iterator[Finding]:
    """Yield what was wrong with a call: what refuses it first, then what it is only warned of."""
    warnings = call.warnings
    if isinstance(call.error, MetadataRefused):
        yield from (_finding(found, refuses=True) for found in call.error.judgement.violations)
        warnings = (*call.error.judgement.warnings, *warnings)
    elif isinstance(call.error, Refusal):
        yield Finding(call.error.code or _NOT_JSON, call.error.param or "")
    yield from (_finding(found, refuses=False) for found in warnings)


def _finding(found: Violation, *, refuses: bool) -> Finding:
    return Finding(found.code, found.param, found.limit, found.actual, refuses)


def _decision(call: Call) -> Decision:
    if isinstance(call.error, Refusal):
        return "refused"
    return "warned" if call.warnings else "accepted"


def _plain(text: str) -> str:
    """Spell out bytes that are no UTF-8, which the edge hands on as lone surrogates and no database takes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[: most_chars - 1] + _ELLIPSIS
