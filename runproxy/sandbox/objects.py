"""What the sandbox keeps: threads and runs, with the fields the API gives them, and ids for both."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Ids: TypeAlias = Callable[[str], str]
"""Makes an id with a prefix."""

_RUN_LIFETIME_S: Final = 600


@dataclass(slots=True)
class Run:
    """A run and how often it will still be seen active."""

    fields: dict[str, Any]
    polls_left: int


@dataclass(slots=True)
class Thread:
    """A thread and its runs by id, in the order they were made."""

    fields: dict[str, Any]
    runs: dict[str, Run] = field(default_factory=dict)


def thread_fields(thread_id: str, now: int, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Give the fields of a new thread, in the service's order."""
    return {
        "id": thread_id,
        "object": "thread",
        "created_at": now,
        "metadata": dict(pairs),
        "tool_resources": {},
    }


def run_fields(run_id: str, thread: str, now: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a new run, in the service's order, with what its creator asked for."""
    return {
        "id": run_id,
        "object": "thread.run",
        "created_at": now,
        "assistant_id": body["assistant_id"],
        "thread_id": thread,
        "status": "queued",
        "started_at": None,
        "expires_at": now + _RUN_LIFETIME_S,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": body.get("model") or "gpt-4o",
        "instructions": body.get("instructions"),
        "tools": body.get("tools") or [],
        "tool_resources": {},
        "metadata": body.get("metadata") or {},
        "temperature": body.get("temperature", 1.0),
        "top_p": body.get("top_p", 1.0),
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "incomplete_details": None,
        "usage": None,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }


def random_id(prefix: str) -> str:
    """Make an id like the service's: a request's is 32 hex digits, others 24 letters and digits."""
    return f"req_{secrets.token_hex(16)}" if prefix == "req" else f"{prefix}_{secrets.token_hex(12)}"


def counted_ids() -> Ids:
    """Make ids that count up from 1, for sessions that must be repeatable."""
    counts: dict[str, int] = {}

    def new_id(prefix: str) -> str:
        counts[prefix] = counts.get(prefix, 0) + 1
        return f"{prefix}_{counts[prefix]:024d}"

    return new_id
