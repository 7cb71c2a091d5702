"""The sandbox: a local upstream that speaks enough of the Assistants API to record from.

It is here because OpenAI closed the API on 2026-08-26, so that a newcomer has no upstream to try. Everything is in
memory and gone at the end. Its refusals use the service's own texts. What is assumed, for want of a recording:

- a call with an `api-version` needs no `OpenAI-Beta` header, and `api-key` is as good as a bearer token;
- a modify replaces the metadata as a whole; `null` and an absent `metadata` leave it as it is;
- a run is `queued` in the answer that creates it, then active for `active_polls` looks at it, then `completed`;
- a list that is asked for with a wrong limit, order or neighbour is refused in the words of `listing`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from runproxy.sandbox.api import Sandbox
from runproxy.sandbox.objects import counted_ids, random_id
from runproxy.server import Edge, HostPort, low_level

__all__ = ["Sandbox", "counted_ids", "random_id", "running_sandbox"]

MAX_BODY_BYTES: Final = 1024 * 1024
_PATIENCE_S: Final = 75.0


@asynccontextmanager
async def running_sandbox(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a sandbox over HTTP for as long as the context lasts, and give its origin."""
    edge = Edge(sandbox.answer, max_body_bytes=MAX_BODY_BYTES, body_s=_PATIENCE_S)
    async with low_level(edge, HostPort(host, port, "--port"), drain_s=1.0, idle_s=_PATIENCE_S) as listener:
        yield listener.url
