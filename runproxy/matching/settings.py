"""What does not count when calls are compared with recordings, and what counts too, as people write it."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field

from runproxy.messages import is_token
from runproxy.sections import Section

_POINTER: Final = re.compile(r"(?:/(?:[^/~]|~[01])*)+")
_PREFIX: Final = re.compile(r"(?:/[^/?#\s]+)+")


def _pointer(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError("a JSON pointer was expected, such as '/metadata/sent_at' or '/messages/*/content'")
    return text


def _header_name(name: str) -> str:
    if not is_token(name):
        raise ValueError(f"{name!r} is no name of a header")
    return name.lower()


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError("the start of a path was expected, without a slash at its end, such as '/openai/v1'")
    return text


class MatchSettings(Section):
    """How calls are compared with recordings."""

    ignore_query: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names in the query that do not count."""
    ignore_body: tuple[Annotated[str, AfterValidator(_pointer)], ...] = ()
    """Places in JSON bodies of requests that do not count: JSON pointers, with * for every item and every member."""
    headers: tuple[Annotated[str, AfterValidator(_header_name)], ...] = ()
    """Headers of requests that must agree, too; only headers that are stored can be named."""
    prefixes: tuple[Annotated[str, AfterValidator(_prefix)], ...] = ()
    """Starts of paths that do not count, so that a recording made behind one answers calls behind another."""
    rebind_ids: bool = False
    """Let a recording answer a call with other ids of threads, runs and the like, and put those in the answer."""

    def with_more(self, other: Self) -> Self:
        """Add what others say to this: of lists the union, and what either one switches on is on."""
        return self.model_copy(
            update={
                name: tuple(dict.fromkeys((*mine, *getattr(other, name))))
                if isinstance(mine := getattr(self, name), tuple)
                else mine or getattr(other, name)
                for name in type(self).model_fields
            }
        )
