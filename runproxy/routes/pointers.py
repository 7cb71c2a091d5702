"""Where metadata stands in a body: JSON pointers (RFC 6901) with `*` for every item of an array.

Pointers of one route make a tree, so that each object on the way is looked at once. On the way, what a lenient reader
could take for a step of a pointer is refused: `Metadata`, `metadata ` or `metadata[k]` beside or in place of
`metadata`, and an object in the place of an array.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, TypeAlias

from runproxy.violations import Violation, unknown_parameter, wrong_type

EVERY_ITEM: Final = "*"
Tree: TypeAlias = Mapping[str, "Tree"]
"""The steps that lead on from a place; without any, metadata stands there."""

_POINTER: Final = re.compile(r"(?:/(?:[^/~]|~[01])+)+")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_MAX_SPELLING: Final = 8  # characters of the longest spelling for each one of a name; compatible forms take up to 4
_PROTOTYPE: Final = "__proto__"  # assigned in JavaScript, it gives an object all members of its value
_BRACKET: Final = re.compile(r"[.\[\]]")
_NUL: Final = "\0"  # where a reader in C takes a name to end


@dataclass(frozen=True, slots=True)
class Place:
    """A place of metadata that a body has: what stands there, and its name in the service's notation.

    `is_main`: it is the metadata of what the call is about, and not of something inside it.
    """

    param: str
    value: object
    is_main: bool = True


def tree_of(pointers: Sequence[str]) -> Tree:
    """Put pointers together; raises `ValueError` for one that is none, or that contradicts another."""
    paths = [_steps(pointer) for pointer in pointers]
    for one, other in permutations(paths, 2):
        if other[: len(one)] == one:
            raise ValueError(f"two pointers overlap: {', '.join(pointers)}")
    return _tree(paths, pointers)


def _steps(pointer: str) -> tuple[str, ...]:
    if not _POINTER.fullmatch(pointer):
        raise ValueError(f"{pointer!r} is no JSON pointer such as '/metadata' or '/messages/*/metadata'")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def _tree(paths: Sequence[tuple[str, ...]], pointers: Sequence[str]) -> Tree:
    names = dict.fromkeys(path[0] for path in paths if path)
    if EVERY_ITEM in names and len(names) > 1:
        raise ValueError(f"one value is both an array and an object in the pointers {', '.join(pointers)}")
    return {name: _tree([path[1:] for path in paths if path and path[0] == name], pointers) for name in names}


def find_places(tree: Tree, value: object, param: str = "", *, is_main: bool = False) -> Iterator[Place | Violation]:
    """Yield each place of metadata that a body has, and what keeps the search from being sure, in the body's order.

    `param` names the value, and `is_main` says of a place of metadata that it is that of the whole body.
    """
    if not tree:
        yield Place(param, value, is_main)
    elif value is None:
        return
    elif EVERY_ITEM in tree:
        if isinstance(value, list):
            for position, item in enumerate(value):
                yield from find_places(tree[EVERY_ITEM], item, f"{param}[{position}]")
        else:
            yield wrong_type(param, "an array of objects", value)
    elif isinstance(value, dict):
        yield from _in_object(tree, value, param)
    else:
        yield wrong_type(param, "an object", value)


def _in_object(tree: Tree, value: dict[str, object], param: str) -> Iterator[Place | Violation]:
    steps = {_folded(step): len(step) for step in tree}
    longest = max(steps.values()) * _MAX_SPELLING
    for name, member in value.items():
        place = f"{param}.{name}" if param else name
        if name in tree:
            yield from find_places(tree[name], member, place, is_main=not param)
        elif name == _PROTOTYPE or lenient_name(name, longest) in steps:
            yield unknown_parameter(place)


def lenient_name(name: str, longest: int = 256) -> str:
    """Read a name as the most obliging reader would.

    Without case, blanks, dashes and underscores, and without what stands in brackets or behind a dot after it. No more
    than the `longest` first characters are read, because normalising may take the square of their number.
    """
    visible = "".join(char for char in name.lstrip(_NUL).partition(_NUL)[0] if _is_visible(char))[:longest]
    return _folded(_BRACKET.split(unicodedata.normalize("NFKC", visible).lstrip("[]"), maxsplit=1)[0])


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in _INVISIBLE


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")
