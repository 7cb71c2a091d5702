"""One guarded endpoint: its address, and where metadata stands in its body."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from runproxy.routes.pointers import Place, Tree, find_places, tree_of
from runproxy.violations import Violation, unknown_parameter

ID_PATTERN: Final = r"[A-Za-z0-9_-]{1,128}"
"""What an id may consist of; the service's own are a word, an underscore and 24 letters and digits."""

_TEMPLATE: Final = re.compile(r"(?:/(?:[A-Za-z0-9_~.-]+|\{\w+\}))+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Route:
    """A guarded endpoint: `template` holds fixed words and `{placeholders}`, below any prefix.

    `pointers` say where metadata stands in the body of a call by `method`; without any, the body is not looked at.
    `is_closed`: the body has no other member than metadata, and no pointer has more than one step. `may_be_empty`: no
    body at all is as good as `{}`. `creates`: the call makes something that has no metadata yet. `unguarded_methods`
    are let through on the same address, without a body. Raises `ValueError` for a template or a pointer that is none.
    """

    name: str
    method: str
    template: str
    pointers: tuple[str, ...] = ("/metadata",)
    is_closed: bool = False
    may_be_empty: bool = False
    creates: bool = False
    unguarded_methods: tuple[str, ...] = ()
    _tree: Tree = field(init=False, repr=False, compare=False)
    _names: tuple[str | None, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _TEMPLATE.fullmatch(self.template) or {".", ".."} & set(self.words):
            raise ValueError(f"{self.template!r} is no path such as '/threads/{{thread_id}}/runs'")
        object.__setattr__(self, "_tree", tree_of(self.pointers))
        parts = self.template.strip("/").split("/")
        object.__setattr__(self, "_names", tuple(part[1:-1] if part.startswith("{") else None for part in parts))
        if self.is_closed and any(self._tree.values()):
            raise ValueError("a body of nothing but metadata has no metadata further down")

    @property
    def words(self) -> tuple[str | None, ...]:
        """The segments in order, None for a placeholder."""
        return tuple(None if part.startswith("{") else part for part in self.template.strip("/").split("/"))

    def ids_in(self, path: str) -> dict[str, str]:
        """Give what stands in a raw path of this route in place of its placeholders, by their names."""
        segments = path.rsplit("/", len(self._names))[1:]
        return {name: held for name, held in zip(self._names, segments, strict=True) if name is not None}

    @property
    def members(self) -> Iterable[str]:
        """The members of the body on the way to metadata."""
        return self._tree.keys()

    @property
    def pattern(self) -> str:
        """What matches the end of a raw path that is this route's address."""
        return "".join(f"/{ID_PATTERN if word is None else re.escape(word)}" for word in self.words)

    def find_places(self, body: dict[str, object]) -> Iterable[Place | Violation]:
        """List the places of metadata in a body, and what keeps their search from being sure.

        Where a call that `creates` says nothing, None stands in that place.
        """
        if self.is_closed and body.keys() == self._tree.keys():  # what SDKs send; there is nothing to search
            return [Place(name, value) for name, value in body.items()]
        return self._search(body)

    def _search(self, body: dict[str, object]) -> Iterator[Place | Violation]:
        known = body
        if self.is_closed:
            yield from (unknown_parameter(name) for name in body if name not in self._tree)
            known = {name: value for name, value in body.items() if name in self._tree}
        if all(self._tree.values()):  # nothing but metadata of things inside: none of it is more than the other
            yield from (_as_main(place) for place in find_places(self._tree, known))
        else:
            yield from find_places(self._tree, known)
        if self.creates:
            yield from (Place(name, None) for name, below in self._tree.items() if not below and name not in body)


def _as_main(found: Place | Violation) -> Place | Violation:
    return replace(found, is_main=True) if isinstance(found, Place) else found
