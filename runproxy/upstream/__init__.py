"""The upstream: forwards a call over HTTP and gives back the answer as it came."""

from runproxy.upstream.address import Address
from runproxy.upstream.client import Upstream

__all__ = ["Address", "Upstream"]
