"""Cassettes for tests: a session on a server in this process, for as long as a context lasts.

`options` says what a session is to be, `composed` what it is made of, `held` keeps what is recorded back until the test
has passed, `session` is what tests see, `failures` what they are told, and `server` answers their calls.
"""

from runproxy.testing.context import CassetteContext, cassette
from runproxy.testing.failures import Call, CassetteFailure, Miss
from runproxy.testing.options import Mode, OnExhausted, Options, Tables
from runproxy.testing.server import CassetteServer, watched
from runproxy.testing.session import CassetteSession

__all__ = [
    "Call",
    "CassetteContext",
    "CassetteFailure",
    "CassetteServer",
    "CassetteSession",
    "Miss",
    "Mode",
    "OnExhausted",
    "Options",
    "Tables",
    "cassette",
    "watched",
]
