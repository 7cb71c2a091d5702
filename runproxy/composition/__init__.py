"""Composition: from settings to a running proxy. `modes` knows what a mode is made of, `rules` what rules are."""

from runproxy.composition.modes import DEFAULT_BASE_PATH
from runproxy.composition.proxy import Proxy, running_proxy
from runproxy.composition.seat import Seat

__all__ = ["DEFAULT_BASE_PATH", "Proxy", "Seat", "running_proxy"]
