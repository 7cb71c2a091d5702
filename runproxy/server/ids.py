"""Ids of requests: short, unique among all processes that log to one place, and cheap to make."""

import secrets
from collections.abc import Callable
from itertools import count


def request_ids(prefix: str | None = None) -> Callable[[], str]:
    """Give what makes ids: a part that tells processes apart, chosen by chance unless given, and a running number."""
    start, numbers = prefix or secrets.token_hex(4), count(1)
    return lambda: f"req_{start}_{next(numbers):x}"
