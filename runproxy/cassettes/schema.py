"""The JSON Schema of a cassette, for editors and for tools in other languages; made from what reads cassettes."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from runproxy.cassettes.format import FORMAT, StoredInteraction
from runproxy.matching import MatchSettings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID: Final = f"urn:runproxy:cassette:{FORMAT.rpartition('/')[2]}"


class _Document(BaseModel):
    """A cassette of runproxy: recorded calls, in the order in which they answer."""

    model_config = ConfigDict(extra="forbid", title="runproxy cassette")

    format: Literal["runproxy/1"] = Field(description="The format, with its version.")
    match: MatchSettings = Field(default=MatchSettings(), description="How its calls are compared with requests.")
    interactions: list[StoredInteraction] = Field(description="The recorded calls.")


def make_schema() -> dict[str, Any]:
    """Describe the format. A few rules are beyond a schema, such as which headers an answer must not hold."""
    return {"$schema": DIALECT, "$id": ID, **_Document.model_json_schema(mode="validation", by_alias=True)}
