"""The store of the audit as the admin listener asks it: in a thread of its own, and with the filters of an address."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from aiohttp import web
from multidict import MultiMapping

from runproxy.audit.errors import UnusableFilter
from runproxy.audit.filters import Filter
from runproxy.audit.store import AuditStore, Reading

_P = ParamSpec("_P")
_T = TypeVar("_T")
PARTS: Final = ("since", "until", "team", "key", "decision", "route", "about", "rule", "near")
"""The parts of a filter that stand once in an address; `where` may stand several times."""
_KNOWN: Final = frozenset([*PARTS, "where", "format", "limit", "cursor"])


class Archive:
    """Asks the store at a path, which is opened when somebody asks first.

    `forms_of` gives the forms in which a value may be on file, and `now` tells the time.
    """

    def __init__(
        self,
        path: Path,
        forms_of: Callable[[str], tuple[str, ...]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path
        self._forms_of = forms_of
        self._now = now
        self._opened: AuditStore | None = None

    async def ask(self, question: Callable[Concatenate[Any, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Answer a question, which is asked with a connection that reads; raises `AuditError`."""

        def asked() -> _T:
            with self._store().reading() as connection:
                return question(connection, *args, **kwargs)

        return await asyncio.to_thread(asked)

    async def each(self, found: Callable[[Reading], Iterator[_T]]) -> AsyncGenerator[_T, None]:
        """Yield what is found, as it is found, all in one state of the store; raises `AuditError`."""
        store = await asyncio.to_thread(self._store)
        with store.reading() as connection:
            steps = ([one] for one in found(connection))
            while step := await asyncio.to_thread(next, steps, None):
                yield step[0]

    def asked(self, query: MultiMapping[str]) -> Filter:
        """Read the filter that stands in an address. What is left empty asks for nothing.

        Raises `UnusableFilter`, also for a name that nothing has: with it left out, more would be told than was meant.
        """
        for name in query:
            if name not in _KNOWN:
                raise UnusableFilter(
                    name, f"there is no such part of a question; there are {', '.join(sorted(_KNOWN))}"
                )
        given = {name: query.get(name) or None for name in PARTS}
        where = [text for text in query.getall("where", []) if text]
        return Filter.parse(given, where, now=self._now(), forms_of=self._forms_of)

    async def close(self, _: web.Application) -> None:
        """Close the store."""
        if self._opened is not None:
            self._opened.close()

    def _store(self) -> AuditStore:
        if self._opened is None:
            self._opened = AuditStore.open(self.path)
        return self._opened
