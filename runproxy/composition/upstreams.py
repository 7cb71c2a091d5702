"""From a profile to what asks its upstream."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from runproxy.config import LimitSettings
from runproxy.messages import Backend
from runproxy.redaction import WriteGate
from runproxy.upstream import Profile, Upstream


@asynccontextmanager
async def connected(
    profile: Profile, gate: WriteGate, limits: LimitSettings, trusts: Callable[[str], bool] = lambda _: False
) -> AsyncIterator[Backend]:
    """Give what forwards calls to an upstream; `gate` learns the credentials that runproxy itself has for it.

    Raises `ConfigError` for certificates that cannot be used and for credentials that are not there.
    """
    wiring, credential = profile.wiring(), profile.credential()
    gate.keep(wiring.headers)
    if credential is not None:
        gate.keep(credential.headers)
    times = {"connect_s": limits.connect_s, "total_s": limits.upstream_s, "read_s": limits.read_s}
    async with Upstream(profile.address, trusts=trusts, wiring=wiring, **times) as upstream:
        yield profile.prepared(upstream, credential)
