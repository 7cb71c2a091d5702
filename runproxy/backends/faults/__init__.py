"""Faults on demand, for tests of client code: a module for each kind, what chooses them, and the backend they strike.

`Faulty` stands in front of a mode, so a recording holds what the upstream said and nothing of a fault. `fault` says
what a fault is; `target` and `schedule` say which calls it strikes.
"""

from runproxy.backends.faults.chooser import Chooser, Entry
from runproxy.backends.faults.fault import At, Fault
from runproxy.backends.faults.faulty import Faultless, Faulty
from runproxy.backends.faults.hang import Hang
from runproxy.backends.faults.latency import Latency
from runproxy.backends.faults.malformed import How, Malformed
from runproxy.backends.faults.reset import Reset
from runproxy.backends.faults.schedule import Schedule
from runproxy.backends.faults.slow_body import SlowBody
from runproxy.backends.faults.status import Status, make_answer
from runproxy.backends.faults.target import Target
from runproxy.backends.faults.truncate import Truncate

__all__ = [
    "At",
    "Chooser",
    "Entry",
    "Fault",
    "Faultless",
    "Faulty",
    "Hang",
    "How",
    "Latency",
    "Malformed",
    "Reset",
    "Schedule",
    "SlowBody",
    "Status",
    "Target",
    "Truncate",
    "make_answer",
]
