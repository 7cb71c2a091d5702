"""The HTTP edge: requests off the wire, answers onto it, and a process that stops in good order."""

from runproxy.server.edge import Edge
from runproxy.server.ids import request_ids
from runproxy.server.listener import Listener, low_level, routed
from runproxy.server.places import HostPort, Inherited, Place, UnixSocket
from runproxy.server.process import ReadyFile, allow_open_files, files_needed, watch_signals
from runproxy.server.tls import server_context

__all__ = [
    "Edge",
    "HostPort",
    "Inherited",
    "Listener",
    "Place",
    "ReadyFile",
    "UnixSocket",
    "allow_open_files",
    "files_needed",
    "low_level",
    "request_ids",
    "routed",
    "server_context",
    "watch_signals",
]
