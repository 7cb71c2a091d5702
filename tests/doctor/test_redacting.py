"""The doctor's canary: what leaks is found, and what does not is said to be kept out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from runproxy.doctor.finding import Finding
from runproxy.doctor.redacting import check_redaction
from runproxy.keyfile import Secret
from runproxy.messages import Request, Response
from runproxy.redaction import Redactor, RedactSettings, WriteGate

CANARY = "canary-0123456789_abcdef"
NOW = datetime(2026, 11, 26, tzinfo=UTC)
RULES: dict[str, Any] = {
    "query": ["user"],
    "ids": True,
    "body": [
        {"pointer": "/metadata/email", "action": "hash"},
        {"pointer": "/data/*/metadata/*", "action": "drop", "in": "response"},
        {"pointer": "/a~1b/0", "action": "replace", "in": "request"},
    ],
}


class Leaky(Redactor):
    """Stores requests as they came where a text stands in them."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = mark

    def storable(self, request: Request, response: Response, *most_bytes: int) -> tuple[Request, Response]:
        """Leave one place out."""
        is_left = self._mark in f"{request.target} {list(request.headers)} {request.body.decode()}"
        return (request, response) if is_left else super().storable(request, response, *most_bytes)


class Blind(WriteGate):
    """Lets everything pass."""

    def inspect(self, where: str, data: bytes) -> None:
        """See nothing."""


def checked(redactor: Redactor, gate: WriteGate | None = None, **settings: Any) -> Finding:
    """Check with some settings."""
    return check_redaction(RedactSettings(**settings), redactor, gate or WriteGate(), CANARY, NOW)


def test_all_is_well_as_it_is_shipped() -> None:
    """Without any settings."""
    found = checked(Redactor())
    assert (found.state, CANARY in found.found) == ("ok", False)


def test_every_rule_of_the_settings_is_tried() -> None:
    """Wherever its pointer leads, on whichever side."""
    settings = RedactSettings(**RULES)
    found = check_redaction(settings, Redactor(settings, Secret(b"x" * 32, "test", "test")), WriteGate(), CANARY, NOW)
    assert found.state == "ok"
    assert "by 3 rules of [redact]" in found.found


@pytest.mark.parametrize("mark", ["Authorization", "api-key", "Cookie", "X-Api-Key", "?api-key"])
def test_a_redactor_that_leaks_is_found_out(mark: str) -> None:
    """The place is named, and the canary is not repeated."""
    found = checked(Leaky(mark))
    assert (found.state, CANARY in found.found) == ("fail", False)
    assert mark.strip("?") in found.found


def test_a_rule_that_does_nothing_is_found_out() -> None:
    """The pointer is named."""
    found = checked(Redactor(), body=[{"pointer": "/metadata/email", "action": "drop"}])
    assert (found.state, found.found) == ("fail", "a made-up credential would be stored: at /metadata/email")


def test_a_gate_that_sees_nothing_is_found_out() -> None:
    """An answer that repeats a credential must not pass."""
    found = checked(Redactor(), Blind())
    assert (found.state, found.found.endswith(": as it is")) == ("fail", True)
