"""Logging to stderr: readable lines for a person, or one JSON object per line."""

import logging
import sys
from contextlib import suppress
from typing import Final, Literal

import structlog

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


def configure_logs(level: str, form: Literal["console", "json"]) -> None:
    """Send log lines of at least a level to stderr."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # others print local variables, and so what a call held
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if form == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_unfailing,
        cache_logger_on_first_use=True,
    )
