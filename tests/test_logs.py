"""Logs tell what happened and nothing that a call held."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from runproxy.logs import configure_logs


@pytest.fixture(autouse=True)
def _own_configuration() -> Iterator[None]:
    """Leave structlog to the next test as it was."""
    yield
    structlog.reset_defaults()


def _fail(secret: str) -> None:
    held = f"a local variable with {secret}"
    raise ValueError(len(held))


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_trace_shows_no_local_variables(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """An internal error is logged with its trace, in either form, without what the variables held."""
    secret = "made-up"
    configure_logs("info", "json" if form == "json" else "console")
    try:
        _fail(secret)
    except ValueError:
        structlog.get_logger().exception("failed")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "_fail" in written
    assert secret not in written


def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object per line, with level, time and event."""
    configure_logs("info", "json")
    structlog.get_logger().warning("miss", cassette="x")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["cassette"]) == ("miss", "warning", "x")
    assert line["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """The level is the least severe that is written."""
    configure_logs("warning", "console")
    structlog.get_logger().info("refused")
    assert capsys.readouterr().err == ""


def test_a_log_that_cannot_be_written_costs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk a line is lost, and whoever wrote it goes on."""
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        configure_logs("info", "json")
        structlog.get_logger("test").error("lost", reason="x" * 10_000)
        monkeypatch.undo()
        with suppress(OSError):
            full.close()


def _harmless(text: str) -> bool:
    return "made-up" not in text


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_may_not_be_written_is_replaced_wherever_it_stands(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """In the event, a value, a name, inside lists and tables, and in what is no text."""
    configure_logs("info", "json" if form == "json" else "console", _harmless)
    structlog.get_logger().info(
        "a made-up event",
        text="made-up",
        items=["fine", "made-up"],
        table={"made-up": {"k": ("made-up", 1)}},
        thing=ValueError("made-up"),
        count=3,
        none=None,
        **{"made-up": "fine"},
    )
    written = capsys.readouterr().err
    assert "made-up" not in written
    assert written.count("(holds a credential)") == 7
    assert "fine" in written


@pytest.mark.parametrize("form", ["console", "json"])
def test_of_a_trace_only_the_lines_are_held_back_that_hold_something(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """What failed and where stays to be seen; the message that repeats a secret does not."""
    configure_logs("info", "json" if form == "json" else "console", _harmless)
    try:
        int("made-up")
    except ValueError:
        structlog.get_logger().exception("failed")
    written = capsys.readouterr().err
    assert "invalid literal" not in written
    assert "Traceback" in written
    assert "(holds a credential)" in written


def test_a_text_whose_lines_are_harmless_one_by_one_is_held_back(capsys: pytest.CaptureFixture[str]) -> None:
    """What only the whole shows is held back as a whole."""
    configure_logs("info", "json", lambda text: "a\nb" not in text)
    structlog.get_logger().info("x", text="a\nb")
    assert json.loads(capsys.readouterr().err)["text"] == "(holds a credential)"
