"""Where a proxy listens, who may ask it about itself, and with whom it shares its cassettes."""

from dataclasses import dataclass
from typing import Final

from runproxy.admin import Access
from runproxy.composition.listening import place_of
from runproxy.composition.sharing import ALONE, Sharing
from runproxy.composition.side import make_access
from runproxy.config import Settings
from runproxy.server import HostPort, Place

FIRST: Final = "1"
"""The name of the first of several workers."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What a proxy is given by whoever runs it; `name` tells it apart from others that do the same work."""

    main: Place
    admin: Place
    access: Access
    sharing: Sharing = ALONE
    name: str = ""

    @property
    def is_first(self) -> bool:
        """Tell whether what only one of several has to do is for this one."""
        return self.name in ("", FIRST)


def own_seat(settings: Settings) -> Seat:
    """Give the seat of a proxy that is the only one, as the settings say; raises `ConfigError`."""
    listen = settings.listen
    return Seat(place_of(listen), HostPort(listen.admin_host, listen.admin_port, "--admin-port"), make_access(listen))
