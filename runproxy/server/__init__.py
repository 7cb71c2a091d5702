"""The HTTP edge: requests off the wire, answers onto it, and a process that stops in good order."""

from runproxy.server.edge import Edge
from runproxy.server.listener import Listener
from runproxy.server.process import ReadyFile, run_until_stopped
from runproxy.server.wire import WireResponse

__all__ = ["Edge", "Listener", "ReadyFile", "WireResponse", "run_until_stopped"]
