"""Where in the text of a JSON document a value stands, as a line and a column that an editor can go to."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Steps: TypeAlias = tuple[str | int, ...]
"""The way to a place in a JSON value: names of members and positions in arrays."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]|[^\s{}\[\]:,"]+')


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: its line, and its column in code points, both from 1."""

    line: int
    column: int


def positions(text: str, wanted: Collection[Steps]) -> dict[Steps, Position]:
    """Find places in a text that is JSON: of a member its name, of all else its beginning.

    What is not there has the position of the nearest place above it that is.
    """
    sought = {steps[:length] for steps in wanted for length in range(len(steps) + 1)}
    offsets: dict[Steps, int] = {}
    for steps, offset in _places(text):
        if steps in sought:
            offsets.setdefault(steps, offset)
    return {steps: _position(text, _nearest(offsets, steps)) for steps in wanted}


def position_below(depth: int, text: str) -> Position | None:
    """Find the first array or object of a JSON document that stands in `depth` others."""
    level = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            if level == depth:
                return _position(text, token.start())
            level += 1
        elif token[0] in "}]":
            level -= 1
    return None


def _places(text: str) -> Iterator[tuple[Steps, int]]:
    """Go through all places of a document; a stack has one step for each object or array that is open."""
    stack: list[str | int | None] = []  # None is an object in which a name comes next
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "}]":
            stack.pop()
        elif mark == ",":
            stack[-1] = stack[-1] + 1 if isinstance(stack[-1], int) else None
        elif stack and stack[-1] is None:
            stack[-1] = json.loads(mark)
            yield tuple(step for step in stack if step is not None), token.start()
        else:
            if not stack or isinstance(stack[-1], int):
                yield tuple(step for step in stack if step is not None), token.start()
            if mark in "{[":
                stack.append(None if mark == "{" else 0)


def _nearest(offsets: dict[Steps, int], steps: Steps) -> int:
    return next(offsets[steps[:length]] for length in range(len(steps), -1, -1) if steps[:length] in offsets)


def _position(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
