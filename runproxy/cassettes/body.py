"""Bodies as a person reads them in a cassette, and back to the very bytes they were.

A body is stored as `json` plus the `style` that prints it (left out when it is `compact`), as `text` when it is other
UTF-8, else as `base64`. One that was streamed is stored as `chunks`, each with the time after the one before. Of a
body of a request that was too long, its `sha256` and `length` are stored. No body at all is stored as nothing. What
came compressed is stored as it reads, with the `coding` it came in.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runproxy.coding import CODINGS
from runproxy.jsonstyle import COMPACT, STYLES, detect, render
from runproxy.messages import Digest, Piece


def _known_style(style: str) -> str:
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; there are {', '.join(STYLES)}")
    return style


def _known_coding(coding: str) -> str:
    if coding not in CODINGS:
        raise ValueError(f"unknown coding {coding!r}; there are {', '.join(CODINGS)}")
    return coding


def _valid_base64(text: str) -> str:
    b64decode(text, validate=True)
    return text


_ENCODED: Final[dict[str, Any]] = {"contentEncoding": "base64"}
_Base64: TypeAlias = Annotated[str, AfterValidator(_valid_base64)]


class StoredChunk(BaseModel):
    """A piece of a streamed body: either `text` or `base64`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["base64"]}]}
    )

    after_ms: int = Field(ge=0, description="How long after the piece before it came; the first, after the head.")
    text: str = Field(default="", description="A piece in UTF-8.")
    base64: _Base64 = Field(default="", description="Any other piece.", json_schema_extra=_ENCODED)

    @model_validator(mode="after")
    def _is_one_kind(self) -> "StoredChunk":
        if len({"text", "base64"} & self.model_fields_set) != 1 or not (self.text or self.base64):
            raise ValueError("a chunk holds exactly one of 'text' and 'base64', and is not empty")
        return self

    def to_bytes(self) -> bytes:
        """Give the bytes that came."""
        return self.text.encode() or b64decode(self.base64)


def _one_of(kinds: Sequence[str], **dependent: str) -> ConfigDict:
    """Say in the schema that a body holds exactly one of these, and what goes with what."""
    extra: dict[str, Any] = {
        "oneOf": [{"required": [kind]} for kind in kinds],
        "dependentRequired": {name: [other] for name, other in dependent.items()},
    }
    return ConfigDict(extra="forbid", strict=True, json_schema_extra=extra)


_KINDS: Final = ("json", "text", "base64", "chunks")
_KINDS_OF_REQUEST: Final = (*_KINDS, "sha256")


class StoredBody(BaseModel):
    """A body in a cassette: exactly one of `json`, `text`, `base64` and `chunks`."""

    model_config = _one_of(_KINDS, style="json")
    kinds: ClassVar[Sequence[str]] = _KINDS

    json_value: Any = Field(default=None, alias="json", description="The value that the body says.")
    style: Annotated[
        str,
        AfterValidator(_known_style),
        Field(description="How the value was printed.", json_schema_extra={"enum": list(STYLES)}),
    ] = COMPACT
    text: str = Field(default="", description="A body in UTF-8 that no style would print to the byte.")
    base64: _Base64 = Field(default="", description="Any other body.", json_schema_extra=_ENCODED)
    chunks: list[StoredChunk] = Field(default=[], description="A body that was streamed, piece by piece.")

    @model_validator(mode="after")
    def _is_one_kind(self) -> "StoredBody":
        held = {"json" if name == "json_value" else name for name in self.model_fields_set}
        if len(held.intersection(self.kinds)) != 1:
            *kinds, last = (f"'{kind}'" for kind in self.kinds)
            raise ValueError(f"a body holds exactly one of {', '.join(kinds)} and {last}")
        if "style" in held and "json" not in held:
            raise ValueError("'style' goes with 'json'")
        return self

    def to_bytes(self) -> bytes:
        """Give the bytes that were recorded."""
        if "json_value" in self.model_fields_set:
            return render(self.json_value, self.style)
        if self.chunks:
            return b"".join(chunk.to_bytes() for chunk in self.chunks)
        return self.text.encode() or b64decode(self.base64)

    def pieces(self) -> tuple[Piece, ...]:
        """Tell in which pieces the body came; none where it was not streamed."""
        return tuple(Piece(len(chunk.to_bytes()), chunk.after_ms) for chunk in self.chunks)


class StoredRequestBody(StoredBody):
    """A body of a request in a cassette: like any other, or `sha256` with `length` in its place."""

    model_config = _one_of(_KINDS_OF_REQUEST, style="json", sha256="length", length="sha256")
    kinds: ClassVar[Sequence[str]] = _KINDS_OF_REQUEST

    sha256: str = Field(
        default="",
        pattern=r"^[0-9a-f]{64}$",
        description="Of a body that was too long to be recorded; of a multipart one, with the boundary 'boundary'.",
    )
    length: int = Field(default=0, gt=0, description="How many bytes such a body had.")

    @model_validator(mode="after")
    def _has_length(self) -> "StoredRequestBody":
        if len({"sha256", "length"} & self.model_fields_set) == 1:
            raise ValueError("'sha256' and 'length' go together")
        return self

    def digest(self) -> Digest | None:
        """Give what is known of a body that was too long; None for one that stands here."""
        return Digest(self.sha256, self.length) if self.sha256 else None


class StoredAnswerBody(StoredBody):
    """The body of an answer: exactly one of `json`, `text`, `base64` and `chunks`."""

    coding: Annotated[
        str,
        AfterValidator(_known_coding),
        Field(description="The coding it came in; it stands here as it reads.", json_schema_extra={"enum": [*CODINGS]}),
    ] = ""


def to_stored(body: bytes, pieces: Sequence[Piece] = (), coding: str = "") -> dict[str, object] | None:
    """Give the readable form of a body, and the coding it came in; None when there was none."""
    if coding:
        return {**_readable(body, pieces), "coding": coding}
    return _readable(body, pieces) if body else None


def _readable(body: bytes, pieces: Sequence[Piece]) -> dict[str, object]:
    if pieces:
        return {"chunks": [{"after_ms": after, **_plainly(part)} for part, after in _cut(body, pieces)]}
    found = detect(body)
    if found:
        value, style = found
        return {"json": value} if style == COMPACT else {"json": value, "style": style}
    return dict(_plainly(body))


def _cut(body: bytes, pieces: Sequence[Piece]) -> Iterator[tuple[bytes, int]]:
    """Cut a body into its pieces."""
    start = 0
    for piece in pieces:
        yield body[start : start + piece.length], piece.after_ms
        start += piece.length


def _plainly(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}
