"""Which calls are asked about: one object for the command line, the API and the pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from runproxy.audit.errors import UnusableFilter
from runproxy.audit.event import DECISIONS
from runproxy.durations import parse_duration

_EFFECTS: Final = {"": None, "refused": True, "warned": False}
_NEAR: Final = ("pairs", "key", "value")

NO_TEAM: Final = "-"
"""Asks for callers of no known team; no team can be named so."""


class Rule(NamedTuple):
    """A rule that a call broke, by its code; `refuses` tells whether it was refused for that, None asks for both."""

    code: str
    refuses: bool | None = None


class Near(NamedTuple):
    """A limit that a call has come near: `pairs`, the length of a `key`, or of a `value`, perhaps that of `key`."""

    limit: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What calls must have in common; what is None asks for nothing.

    Times are in milliseconds since 1970, UTC, from `since_ms` on and before `until_ms`. `key` must be among the keys of
    a call, and each of `where` among its pairs: a key, and the forms in which its value may be on file. `about` is the
    id of a request, a thread or a run.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    team: str | None = None
    route: str | None = None
    decision: str | None = None
    key: str | None = None
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    about: str | None = None
    rule: Rule | None = None
    near: Near | None = None

    @property
    def needs_facts(self) -> bool:
        """Tell whether something is asked for that no roll-up knows."""
        return bool(self.where or self.about is not None or self.rule or self.near)

    @classmethod
    def parse(
        cls,
        given: Mapping[str, str | None],
        where: Sequence[str] = (),
        *,
        now: datetime,
        forms_of: Callable[[str], tuple[str, ...]] = lambda value: (value,),
    ) -> "Filter":
        """Read what a person wrote, by the names of the parts; each of `where` is KEY=VALUE.

        A rule is CODE, CODE:refused or CODE:warned; what is near is pairs, key, value or value:KEY.
        `forms_of` gives the forms in which a value may be on file. Raises `UnusableFilter`, which names what is wrong.
        """
        for name, text in (*given.items(), *(("where", text) for text in where)):
            _check_text(name, text or "")
        team, decision = given.get("team"), given.get("decision")
        if decision is not None and decision not in DECISIONS:
            raise UnusableFilter("decision", f"{decision!r} is none of {', '.join(DECISIONS)}")
        return cls(
            _time("since", given.get("since"), now),
            _time("until", given.get("until"), now),
            "" if team == NO_TEAM else team,
            given.get("route"),
            decision,
            given.get("key"),
            tuple(_pair(text, forms_of) for text in where),
            given.get("about"),
            _rule(given.get("rule")),
            _near(given.get("near")),
        )


def _time(name: str, text: str | None, now: datetime) -> int | None:
    """Read `7d`, which is so long ago, or a date or time of ISO 8601, which is UTC where it names no zone."""
    if text is None:
        return None
    try:
        try:
            moment = now - parse_duration(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UnusableFilter(
            name, f"{text!r} is neither a span such as '7d' nor a time such as '2026-11-22T17:00'"
        ) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _check_text(name: str, text: str) -> None:
    """Refuse what came as bytes that are no UTF-8: nothing of that kind is on file, and no database takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnusableFilter(name, "that is no UTF-8 text") from None


def _rule(text: str | None) -> Rule | None:
    if text is None:
        return None
    code, _, effect = text.partition(":")
    if not code or effect not in _EFFECTS:
        raise UnusableFilter(
            "rule", f"{text!r} is not the code of a rule, with ':refused' or ':warned' behind it or not"
        )
    return Rule(code, _EFFECTS[effect])


def _near(text: str | None) -> Near | None:
    if text is None:
        return None
    limit, colon, key = text.partition(":")
    if limit not in _NEAR or (colon and limit != "value"):
        raise UnusableFilter("near", f"{text!r} is none of pairs, key, value, and value:KEY")
    return Near(limit, key if colon else None)


def _pair(text: str, forms_of: Callable[[str], tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UnusableFilter("where", f"KEY=VALUE was expected, and {text!r} has no '=' behind a key")
    return key, forms_of(value)
