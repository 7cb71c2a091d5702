"""The upstream: where calls are forwarded to.

`settings` are what people write, `profile` is what was chosen and how calls are prepared for it, `credential` is one
of runproxy's own. `wiring` and `tls` say how connections are made, `client` asks over HTTP, `headers` and `answers`
select what passes, `connections` holds aiohttp back, and `failures` and `unconnected` tell what went wrong.
"""

from runproxy.upstream.address import Address
from runproxy.upstream.client import Upstream
from runproxy.upstream.profile import Profile
from runproxy.upstream.settings import EXAMPLES, ConnectionSettings, ProfileName, UpstreamSettings
from runproxy.upstream.wiring import Wiring

__all__ = [
    "EXAMPLES",
    "Address",
    "ConnectionSettings",
    "Profile",
    "ProfileName",
    "Upstream",
    "UpstreamSettings",
    "Wiring",
]
