"""Logging to stderr: readable lines for a person, or one JSON object per line."""

import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from textwrap import indent
from typing import Final, Literal

import structlog

NO_COLOR: Final = "NO_COLOR"
"""The variable that asks all programs for text without colours (no-color.org); rich obeys it by itself."""

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # which a terminal would obey
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class _Unfailing(structlog.PrintLogger):
    """Prints a line, or loses it: a log on a full disk or a closed pipe must not cost a call its answer."""

    def msg(self, message: str) -> None:
        """Print one line."""
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def _unfailing(*_: object) -> _Unfailing:
    return _Unfailing(sys.stderr)


HELD_BACK: Final = "(holds a credential)"
"""Stands in a log for what may not be written."""


def configure_logs(
    level: str, form: Literal["console", "json"], may_be_written: Callable[[str], bool] = lambda _: True
) -> None:
    """Send log lines of at least a level to stderr; of what they say, only what `may_be_written`."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and not os.environ.get(NO_COLOR),
            exception_formatter=structlog.dev.plain_traceback,  # others print local variables, and so what a call held
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _Gated(may_be_written),
            _WithBlock(renderer, is_shown=form == "console" and sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_unfailing,
        cache_logger_on_first_use=True,
    )


class _WithBlock:
    """Shows the `block` of a log line below it, to a person at a terminal; to others the fields tell enough.

    A block may hold values of the call, which a file of logs must not.
    """

    def __init__(self, renderer: structlog.typing.Processor, *, is_shown: bool) -> None:
        self._renderer = renderer
        self._is_shown = is_shown

    def __call__(self, logger: object, name: str, event: structlog.typing.EventDict) -> str:
        block = event.pop("block", None)
        line = str(self._renderer(logger, name, event))
        if block is None or not self._is_shown:
            return line
        spelled_out = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(block))
        return f"{line}\n{indent(spelled_out, '    ')}"


class _Gated:
    """Replaces every text of a log line that may not be written; of a trace, the lines that may not."""

    def __init__(self, may_be_written: Callable[[str], bool]) -> None:
        self._may_be_written = may_be_written

    def __call__(self, _: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {self._text(name): self._value(held) for name, held in event.items()}

    def _value(self, held: object) -> object:
        if held is None or isinstance(held, bool | int | float):
            return held
        if isinstance(held, dict):
            return {self._text(str(name)): self._value(value) for name, value in held.items()}
        if isinstance(held, list | tuple):
            return [self._value(item) for item in held]
        return self._text(held if isinstance(held, str) else str(held))

    def _text(self, text: str) -> str:
        if self._may_be_written(text):
            return text
        lines = [line if self._may_be_written(line) else HELD_BACK for line in text.split("\n")]
        left = "\n".join(lines)
        return left if self._may_be_written(left) else HELD_BACK
