"""What can be found in files, by the code of the error that a proxy would answer or log."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from runproxy.cli.findings.finding import Level
from runproxy.limits import MAX_KEY_CHARS, MAX_PAIRS, MAX_VALUE_CHARS


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in words: a title without a full stop, and what to do where it is broken."""

    title: str
    help: str
    level: Level = "error"
    is_security: bool = False


_SECRETS: Final = {
    "secret_found": Rule(
        "What looks like a secret is on file",
        "Revoke the secret, for whoever has the file has it. Then record the call again, or replace the value by hand.",
        is_security=True,
    ),
    "opaque_body": Rule(
        "A body is compressed in a way that cannot be looked into",
        "Record the call again with a client that asks for another content coding, so that the body can be searched.",
        is_security=True,
    ),
}
_JSON: Final = {
    "invalid_json": Rule("The file is not JSON", "Mend the text at the place that is named."),
    "duplicate_name": Rule(
        "A name stands twice in one object",
        "Take one of them out: JSON readers do not agree on which of them counts.",
    ),
    "number_out_of_range": Rule(
        "A number is outside the range that JSON readers agree on", "Write it as a string, or as a number of 64 bits."
    ),
    "nesting_too_deep": Rule("The JSON is nested too deep", "Take levels out; the API needs few of them."),
}
_LIMITS: Final = {
    "invalid_type": Rule(
        "A value is of the wrong type", "Metadata is one object, and its values are strings: write numbers as strings."
    ),
    "unknown_parameter": Rule("The endpoint does not know the parameter", "Take it out, or correct its name."),
    "object_above_max_properties": Rule(
        "The metadata has too many pairs", f"Take pairs out until there are {MAX_PAIRS} at most."
    ),
    "property_name_above_max_length": Rule(
        "A key of the metadata is too long", f"Shorten it to {MAX_KEY_CHARS} characters at most."
    ),
    "string_above_max_length": Rule(
        "A value of the metadata is too long", f"Shorten it to {MAX_VALUE_CHARS} characters at most."
    ),
    "too_many_metadata_objects": Rule("The body holds metadata in too many places", "Send it in parts."),
}
_EXPLAINED: Final = "'runproxy policy explain KEY' tells what the policy asks of a key."
_POLICY: Final = {
    "policy_missing_key": Rule("A key that the policy requires is missing", f"Add the key. {_EXPLAINED}"),
    "policy_key_pattern": Rule("A key is not named as the policy asks", f"Rename the key. {_EXPLAINED}"),
    "policy_unknown_key": Rule(
        "The policy does not know a key", f"Correct its name, or have it added to the policy. {_EXPLAINED}"
    ),
    "policy_value_not_allowed": Rule("A value is none of those that the policy allows", f"Choose one. {_EXPLAINED}"),
    "policy_value_too_short": Rule("A value is shorter than the policy asks", f"Lengthen it. {_EXPLAINED}"),
    "policy_value_too_long": Rule("A value is longer than the policy allows", f"Shorten it. {_EXPLAINED}"),
    "policy_value_pattern": Rule("A value is not written as the policy asks", f"Rewrite it. {_EXPLAINED}"),
    "policy_forbidden_shape": Rule(
        "Metadata looks like what the policy forbids there",
        f"Write an id in its place: metadata is stored, listed and exported. {_EXPLAINED}",
        is_security=True,
    ),
    "policy_near_limit": Rule(
        "The metadata is near a limit of the API", "Make room before the next key or a longer value.", "warning"
    ),
}

RULES: Final[Mapping[str, Rule]] = MappingProxyType({**_SECRETS, **_JSON, **_LIMITS, **_POLICY})
