"""What is redacted beyond the ordinary, as people write it in TOML."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from runproxy.messages import is_token
from runproxy.redaction.headers import why_never_stored
from runproxy.redaction.query import REDACTED
from runproxy.sections import Section

KEY_VARIABLE: Final = "RUNPROXY_REDACT_KEY"
_POINTER: Final = re.compile(r"(?:/(?:[^/~]|~[01])+)+")


def _pointer(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError("a JSON pointer was expected, such as '/metadata/email' or '/data/*/metadata'")
    return text


def _header_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not is_token(name):
            raise ValueError(f"{name!r} is no name of a header")
        if why := why_never_stored(name):
            raise ValueError(f"{name!r} cannot be stored: {why}")
    return names


class BodyRule(Section):
    """A place in JSON bodies that is redacted."""

    pointer: Annotated[str, AfterValidator(_pointer)]
    """Where: a JSON pointer, with * for every item of an array and every member of an object."""
    action: Literal["drop", "hash", "replace"]
    """What becomes of it: it is left out, or a placeholder that is the same for equal values, or a fixed text."""
    value: str = REDACTED
    """The text, for action = "replace"."""
    applies_to: Annotated[Literal["request", "response", "both"], Field(alias="in")] = "both"
    """In which bodies: "request", "response" or "both"."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The names on the way to the place."""
        return tuple(step.replace("~1", "/").replace("~0", "~") for step in self.pointer[1:].split("/"))

    @model_validator(mode="after")
    def _has_value_to_replace_with(self) -> Self:
        if "value" in self.model_fields_set and self.action != "replace":
            raise ValueError(f"value goes with action = 'replace', and the action is {self.action!r}")
        return self


class RedactSettings(Section):
    """What is redacted in recordings, beyond what always is."""

    body: tuple[BodyRule, ...] = ()
    """Places in JSON bodies that are redacted before anything is stored."""
    query: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names in the query whose values are replaced, beyond those that are named like a secret."""
    ids: bool = False
    """Replace the ids of threads, runs, messages and the like by others of the same shape, in paths and bodies."""
    request_headers: Annotated[tuple[str, ...], AfterValidator(_header_names)] = ()
    """Headers of requests to store, beyond the few that always are; none that carries a secret."""
    response_headers: Annotated[tuple[str, ...], AfterValidator(_header_names)] = ()
    """Headers of answers to store, beyond the few that always are; none that carries a secret."""
    key_file: str = ""
    """A file with mode 0600 that holds the secret of placeholders; RUNPROXY_REDACT_KEY comes before it."""

    def rules_for(self, side: str) -> list[BodyRule]:
        """Give the rules for the bodies of one side, "request" or "response"."""
        return [rule for rule in self.body if rule.applies_to in ("both", side)]

    @property
    def needs_key(self) -> str:
        """Name what cannot be done without a secret; empty when all can."""
        if self.ids:
            return "ids = true"
        return "action = 'hash'" if any(rule.action == "hash" for rule in self.body) else ""
