"""One session, composed: a service of its own with the rules of its settings, in front of one cassette."""

import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Self

from runproxy.backends import Deck, Opened, Plan, Session, Sessions
from runproxy.calls import Call
from runproxy.cassettes import Cassette
from runproxy.cassettes.usage import CassetteUsage
from runproxy.composition.faults import with_faults
from runproxy.composition.loading import Loading
from runproxy.composition.modes import base_path_in, equipped, make_store, make_workshop, required_upstream
from runproxy.composition.rules import make_rules
from runproxy.composition.shelf import Shelf
from runproxy.composition.workshop import Workshop
from runproxy.config import policy_in
from runproxy.errors import CassetteNotFound
from runproxy.redaction import WriteGate
from runproxy.service import Service
from runproxy.testing.held import HeldStore
from runproxy.testing.options import Wanted


@dataclass(frozen=True, slots=True)
class Composed:
    """A session that is answered: its service, the path below which its clients call, and where it records."""

    service: Service
    sessions: Sessions
    session: Session
    base_path: str
    store: HeldStore
    cassette: Cassette
    resources: AsyncExitStack

    @classmethod
    async def start(cls, wanted: Wanted, hear: Callable[[Call], None]) -> Self:
        """Compose a session; `hear` hears of its calls. Raises `RunproxyError` for one that cannot be had."""
        settings, gate = wanted.settings, WriteGate()
        policy = policy_in(settings)
        workshop = make_workshop(settings, gate)
        store = HeldStore(make_store(settings, gate, workshop.matcher))
        workshop = replace(workshop, store=store, shelf=Shelf(store), record_command=wanted.record_command)
        async with AsyncExitStack() as stack:
            if settings.mode != "replay":
                workshop = await stack.enter_async_context(equipped(workshop, required_upstream(settings)))
            cassette = await workshop.load_own(wanted.plan.cassette, wanted.plan.match)
            sessions = Sessions(
                lambda plan: _opened(workshop, plan),
                idle_s=float("inf"),
                now=time.monotonic,
                new_name=lambda: secrets.token_hex(6),
            )
            session = await sessions.start(wanted.plan)
            upstream_path = settings.profile.address.base_path if settings.profile else ""
            service = Service(
                make_rules(settings, policy),
                Deck(wanted.plan.cassette, Loading(workshop).replay),  # not asked: all calls name the session
                upstream_path,
                sessions,
                mode=settings.mode,
                watchers=(hear,),
            )
            base_path = upstream_path or base_path_in(cassette)
            return cls(service, sessions, session, base_path, store, cassette, stack.pop_all())

    async def end(self) -> None:
        """End the session; what it recorded waits in its store."""
        async with self.resources:
            await self.sessions.end(self.session.name)

    async def usage(self) -> CassetteUsage | None:
        """Tell what was played; None where nothing is."""
        replay = self.session.opened.replay
        return replay.usage() if replay else None


async def _opened(workshop: Workshop, plan: Plan) -> Opened:
    """Make what answers; without a cassette, every call is a miss that says so."""
    try:
        return await workshop.open(plan)
    except CassetteNotFound:  # in replay only
        backend = with_faults(workshop.replay_of(plan.cassette, None, plan.on_exhausted), plan.faults)
        return Opened(backend, faults=plan.faults)
