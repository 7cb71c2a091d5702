"""The store of the audit as the admin listener asks it: in a thread of its own, and with the filters of an address."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from aiohttp import web
from multidict import MultiMapping

from runproxy.audit.filters import Filter
from runproxy.audit.reading import LoggedCall, all_calls
from runproxy.audit.store import AuditStore

_P = ParamSpec("_P")
_T = TypeVar("_T")
_AT_ONCE: Final = 500
PARTS: Final = ("since", "until", "team", "key", "decision", "route", "about", "rule", "near")
"""The parts of a filter that stand once in an address; `where` may stand several times."""


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

    async def all_calls(self, asked: Filter) -> AsyncIterator[list[LoggedCall]]:
        """Yield all calls that are asked about, the oldest first, some at a time; raises `AuditError`."""
        store = await asyncio.to_thread(self._store)
        with store.reading() as connection:
            calls = all_calls(connection, asked)
            while batch := await asyncio.to_thread(lambda: list(islice(calls, _AT_ONCE))):
                yield batch

    def asked(self, query: MultiMapping[str]) -> Filter:
        """Read the filter that stands in an address; raises `UnusableFilter`. What is left empty asks for nothing."""
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
