"""The upstream: forwards a call over HTTP and gives back the answer as it came."""

from runproxy.upstream.client import Address, Upstream

__all__ = ["Address", "Upstream"]
