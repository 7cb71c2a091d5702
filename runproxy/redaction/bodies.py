"""Redacting bodies: by JSON pointers in JSON and in the events of a stream, by the shape of ids in any text.

A body in which nothing is redacted is given back as the same object. Where something is, JSON is printed in the style
it came in.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

import orjson

from runproxy.errors import Unredactable
from runproxy.jsonstyle import COMPACT, detect, render
from runproxy.redaction.placeholders import Placeholders
from runproxy.redaction.settings import BodyRule
from runproxy.strictjson import find_ambiguity

_Replace: TypeAlias = Callable[[object], object]
_EVERY: Final = "*"
_LOOKS_LIKE_JSON: Final = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*[\[{]")  # in UTF-16, too
_EVENT_LINE: Final = re.compile(rb"(?m)^((?:\xef\xbb\xbf)?data: ?)(.*?)(\r?)$")
_LAST_EVENT: Final = b"[DONE]"
_DROPPED: Final = object()


@dataclass(frozen=True, slots=True)
class Taken:
    """The texts that were replaced: `own` by rules for one side of a call, `shared` by rules for both."""

    own: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)


class BodyRedaction:
    """What is redacted in the bodies of one side: by `rules`, and by the shape of ids where `ids` makes placeholders.

    `placeholders` are those of rules that hash.
    """

    def __init__(
        self,
        rules: Sequence[BodyRule] = (),
        placeholders: Placeholders | None = None,
        ids: Callable[[str], str] | None = None,
    ) -> None:
        self._rules = rules
        self._placeholders = placeholders
        self._ids = ids
        self.is_off = not (rules or ids)

    def redacted(self, body: bytes, taken: Taken | None = None) -> bytes:
        """Redact a body, and collect what was replaced; what cannot be read as JSON is left but for ids."""
        if self.is_off or not body:
            return body
        redacted = self._in_json(body, taken)
        return self._in_text(body, taken) if redacted is None else redacted

    def check(self, where: str, body: bytes) -> None:
        """Raise `Unredactable` for a body that means to be JSON, or to hold some, in which no rule can be followed."""
        if not self._rules:
            return
        parts = [body] if _LOOKS_LIKE_JSON.match(body) else [line[2] for line in _EVENT_LINE.finditer(body)]
        if not all(_is_json(part) for part in parts if _LOOKS_LIKE_JSON.match(part) and part != _LAST_EVENT):
            raise Unredactable(where)

    def _in_json(self, body: bytes, taken: Taken | None) -> bytes | None:
        """Redact JSON; None where it cannot be read or printed."""
        try:
            value, style = _parsed(body)
            redacted = self._in_value(value, taken)
            return body if redacted is value else render(redacted, style)
        except (ValueError, orjson.JSONEncodeError, RecursionError):
            return None

    def _in_value(self, value: object, taken: Taken | None) -> object:
        """Redact a value; the same object is given back when there is nothing to redact."""
        for rule in self._rules:
            value = _at(value, rule.steps, partial(self._replaced, rule, taken))
        return _in_texts(value, self._ids) if self._ids else value

    def _replaced(self, rule: BodyRule, taken: Taken | None, held: object) -> object:
        made: object = _DROPPED
        if rule.action == "replace":
            made = rule.value
        elif rule.action == "hash" and self._placeholders:
            made = self._placeholders.of(held)
        if made == held and type(made) is type(held):
            return held
        if taken is not None and isinstance(held, str | int | float):
            (taken.shared if rule.applies_to == "both" else taken.own).add(str(held))
        return made

    def _in_text(self, body: bytes, taken: Taken | None) -> bytes:
        """Redact the events of a stream one by one, and ids wherever they stand."""

        def event(line: re.Match[bytes]) -> bytes:
            redacted = self._in_json(line[2], taken)
            return line[0] if redacted is None else line[1] + redacted + line[3]

        body = _EVENT_LINE.sub(event, body)
        if self._ids is None:
            return body
        text = body.decode("utf-8", "surrogateescape")
        replaced = self._ids(text)
        return body if replaced == text else replaced.encode("utf-8", "surrogateescape")


def _at(value: Any, steps: Sequence[str], replace: _Replace) -> object:
    """Replace what stands at a place; containers on the way are copied, and only when something changes."""
    if not steps:
        return replace(value)
    if isinstance(value, dict):
        return _in_object(value, steps, replace)
    return _in_array(value, steps, replace) if isinstance(value, list) else value


def _in_object(value: dict[str, Any], steps: Sequence[str], replace: _Replace) -> object:
    names = list(value) if steps[0] == _EVERY else [name for name in steps[:1] if name in value]
    changed = {name: made for name in names if (made := _at(value[name], steps[1:], replace)) is not value[name]}
    if not changed:
        return value
    return {name: held for name, held in (value | changed).items() if held is not _DROPPED}


def _in_array(value: list[Any], steps: Sequence[str], replace: _Replace) -> object:
    """Replace in items; one that is dropped becomes null, so that the others keep their places."""
    is_number = steps[0].isascii() and steps[0].isdecimal()
    places = range(len(value)) if steps[0] == _EVERY else [int(steps[0])] if is_number else []
    made = list(value)
    for place in places:
        if place < len(value):
            item = _at(value[place], steps[1:], replace)
            made[place] = None if item is _DROPPED else item
    return value if all(one is other for one, other in zip(made, value, strict=True)) else made


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Change all texts of a value, names too; the same object is given back when none has changed."""
    if isinstance(value, str):
        changed = change(value)
        return value if changed == value else changed
    if isinstance(value, list):
        items = [_in_texts(item, change) for item in value]
        return value if all(one is other for one, other in zip(items, value, strict=True)) else items
    if isinstance(value, dict):
        members = {change(name): _in_texts(held, change) for name, held in value.items()}
        is_same = list(members) == list(value) and all(members[name] is value[name] for name in value)
        return value if is_same else members
    return value


def _parsed(body: bytes) -> tuple[object, str]:
    """Read JSON, with the style to print it in, which is compact where no style gives the same bytes.

    Raises `ValueError` also where printing would change more than how it looks: of a name that stands twice, one would
    go, and what was to be redacted might be in the other.
    """
    if found := detect(body):
        return found
    value: object = orjson.loads(body)
    if ambiguity := find_ambiguity(body):
        raise ValueError(ambiguity.reason)
    return value, COMPACT


def _is_json(body: bytes) -> bool:
    try:
        orjson.dumps(_parsed(body))
    except (ValueError, orjson.JSONEncodeError, RecursionError):
        return False
    return True
