"""Several workers: one process that supervises them, and so many that answer calls.

They share one listening socket, which the supervisor binds and every worker inherits. With a socket for each
(SO_REUSEPORT) the system gives every worker a queue of its own, and what waits in it is lost when the worker dies or
stops; from the common queue another worker takes it. Supervisor and workers talk over pipes (`order`, `child`), and the
supervisor asks workers over sockets in a folder of its own (`runproxy.admin.workers`).
"""

from runproxy.workers.order import Order, read_settings
from runproxy.workers.supervisor import Workers, running_workers
from runproxy.workers.worker import work

__all__ = ["Order", "Workers", "read_settings", "running_workers", "work"]
