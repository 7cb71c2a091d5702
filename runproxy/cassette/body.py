"""Bodies as a person reads them in a cassette, and back to the very bytes they were.

A body is stored as `json` plus the `style` that prints it (left out when it is `compact`), as `text` when it is other
UTF-8, else as `base64`. No body at all is stored as nothing.
"""

from base64 import b64decode, b64encode
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runproxy.jsonstyle import COMPACT, STYLES, detect, render


def _known_style(style: str) -> str:
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; there are {', '.join(STYLES)}")
    return style


def _valid_base64(text: str) -> str:
    b64decode(text, validate=True)
    return text


_KINDS: Final = frozenset({"json_value", "text", "base64"})


class StoredBody(BaseModel):
    """A body in a cassette: exactly one of `json`, `text` and `base64`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": ["json"]}, {"required": ["text"]}, {"required": ["base64"]}],
            "dependentRequired": {"style": ["json"]},
        },
    )

    json_value: Any = Field(default=None, alias="json", description="The value that the body says.")
    style: Annotated[
        str,
        AfterValidator(_known_style),
        Field(description="How the value was printed.", json_schema_extra={"enum": list(STYLES)}),
    ] = COMPACT
    text: str = Field(default="", description="A body in UTF-8 that no style would print to the byte.")
    base64: Annotated[
        str,
        AfterValidator(_valid_base64),
        Field(description="Any other body.", json_schema_extra={"contentEncoding": "base64"}),
    ] = ""

    @model_validator(mode="after")
    def _is_one_kind(self) -> "StoredBody":
        kinds = _KINDS & self.model_fields_set
        if len(kinds) != 1:
            raise ValueError("a body holds exactly one of 'json', 'text' and 'base64'")
        if "style" in self.model_fields_set and "json_value" not in kinds:
            raise ValueError("'style' goes with 'json'")
        return self

    def to_bytes(self) -> bytes:
        """Give the bytes that were recorded."""
        if "json_value" in self.model_fields_set:
            return render(self.json_value, self.style)
        return self.text.encode() or b64decode(self.base64)


def to_stored(body: bytes) -> dict[str, object] | None:
    """Give the readable form of a body; None when it is empty."""
    if not body:
        return None
    found = detect(body)
    if found:
        value, style = found
        return {"json": value} if style == COMPACT else {"json": value, "style": style}
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}
