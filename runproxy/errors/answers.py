"""Answers that could not be had."""

from runproxy.errors.base import RunproxyError


class CassetteMiss(RunproxyError):
    """No recorded answer fits the call."""

    status = 501
    outcome = "miss"
    holds_secret: bool = False
    """Whether the call holds what the settings redact at another place; then its words are for the client alone."""


class UpstreamError(RunproxyError):
    """The upstream could not be reached, or broke off its answer."""

    status = 502


class UpstreamTimeout(UpstreamError):
    """The upstream took longer than the configured limit."""

    status = 504


class BrokenOff(RunproxyError):
    """An answer that breaks off because a fault was asked for; the edge, which has the connection, ends it.

    `last_words` go out as they are. Then nothing is said for `silence_s` seconds, or until the client goes. Then the
    connection is closed, by a reset where it `resets`.
    """

    outcome = "fault"

    def __init__(self, *, last_words: bytes = b"", silence_s: float = 0.0, resets: bool = False) -> None:
        super().__init__("The answer breaks off, as a fault asks for.", code="fault")
        self.last_words = last_words
        self.silence_s = silence_s
        self.resets = resets
