"""The HTTP edge: requests off the wire, answers onto it, and a process that stops in good order."""

from runproxy.server.edge import Edge
from runproxy.server.ids import request_ids
from runproxy.server.listener import low_level, routed
from runproxy.server.process import ReadyFile, watch_signals

__all__ = ["Edge", "ReadyFile", "low_level", "request_ids", "routed", "watch_signals"]
