"""Calls that are in cassettes already, written down as if they had been audited when they were recorded.

Which team made them is known as far as the name of the cassette tells it. They are judged by the rules of today, so a
call that was recorded may read as refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select

from runproxy.attribution import Caller
from runproxy.audit.describing import Describer
from runproxy.audit.event import Outcome
from runproxy.audit.schema import events
from runproxy.audit.writing import Concluded, Entry, Intent
from runproxy.calls import Call
from runproxy.cassettes import Cassette, Interaction
from runproxy.errors import Refusal
from runproxy.guard import Guard, MetadataRefused
from runproxy.messages import Request

MODE: Final = "imported"


class CassetteReader:
    """Makes entries of cassettes: `guard` judges the calls, `caller_of` tells whose a call of a cassette is."""

    def __init__(self, describer: Describer, guard: Guard, caller_of: Callable[[Request, str | None], Caller]) -> None:
        self._describer = describer
        self._guard = guard
        self._caller_of = caller_of

    def entries(self, name: str, cassette: Cassette, known: set[tuple[str, int]]) -> Iterator[tuple[Entry, Entry]]:
        """Yield what is to be written for each call of a cassette to a guarded route that is not `known` already."""
        for position, interaction in enumerate(cassette):
            at_ms = round(interaction.recorded_at.timestamp() * 1000)
            mark = (f"{name}[{position}]", at_ms)
            call = self._call(replace(interaction.request, id=mark[0]), name) if mark not in known else None
            if call is not None:
                intent = Intent(self._describer.describe(call, at_ms))
                yield intent, Concluded(intent, _outcome(interaction, at_ms))

    def _call(self, request: Request, name: str) -> Call | None:
        """Judge a call; None for one to a route that is not guarded."""
        call = Call(request, MODE)
        try:
            call.caller = self._caller_of(request, name)
            admitted = self._guard.admit(request, call.caller.team)
            call.guarded, call.body, call.warnings = admitted.route, admitted.body, admitted.warnings
        except Refusal as error:
            call.error, call.guarded = error, self._guard.route_of(request.path)
            call.body = error.body if isinstance(error, MetadataRefused) else None
        if call.guarded is None:
            return None
        call.route = call.guarded.name
        return call


def imported(connection: Connection) -> set[tuple[str, int]]:
    """Tell which calls of cassettes a store holds already, so that an import can be made again."""
    found = select(events.c.request_id, events.c.at_ms).where(events.c.mode == MODE)
    return {(request_id, at_ms) for request_id, at_ms in connection.execute(found)}


def _outcome(interaction: Interaction, at_ms: int) -> Outcome:
    took_ms = interaction.elapsed_ms
    return Outcome(at_ms + took_ms, interaction.response.status, "recorded", "answered", took_ms, took_ms)
