"""Log lines of runproxy in somebody else's process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def told_to_standard_library() -> Iterator[None]:
    """Send what is worth a warning to `logging`, below "runproxy", where test runners look for it.

    Where somebody has set up structlog, the lines go there: it has one set of settings for the whole process.
    """
    if structlog.is_configured():
        yield
        return

    def factory(name: str) -> logging.Logger:  # structlog's own would replace the class of all loggers
        return logging.getLogger(name)

    plain = structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[structlog.processors.format_exc_info, plain],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        if structlog.get_config()["logger_factory"] is factory:
            structlog.reset_defaults()
