"""A credential of runproxy's own, from the environment: forwarded in the place of what clients send, and kept here."""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Self

from runproxy.coding import decompressed
from runproxy.errors import ConfigError, UpstreamError
from runproxy.messages import Headers, Request, Response, Stream, make_headers
from runproxy.redaction import CredentialSearch, carries_credential, is_told_apart, without_secrets

_UNASKED: Final = frozenset({"accept-encoding"})  # what is compressed could repeat the credential unseen


def variable(name: str, place: str) -> str:
    """Read a secret from a variable of the environment; raises `ConfigError` where it cannot be sent or kept."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"{place}: the environment variable {name} is not set, or empty.")
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(f"{place}: the value of {name} cannot stand in a header: it is not printable ASCII.")
    if not is_told_apart(value):
        raise ConfigError(
            f"{place}: the value of {name} is too short to be kept out of recordings, for it could be an ordinary word."
        )
    return value


class Credential:
    """What is forwarded in `header`; `value` is a token, or what stands in Authorization with its scheme."""

    def __init__(self, header: str, value: str) -> None:
        is_token = header.lower() == "authorization" and " " not in value
        self._pair = (header, f"Bearer {value}" if is_token else value)
        self._search = CredentialSearch(self.headers)

    def __repr__(self) -> str:
        return f"Credential({self._pair[0]}: …)"

    @property
    def headers(self) -> Headers:
        """The header that carries it; a secret."""
        return make_headers([self._pair])

    def put_on(self, request: Request) -> Request:
        """Forward a call with this credential, and with none of the client's, wherever it stands."""
        pairs = [
            (name, value)
            for name, value in request.headers.items()
            if not carries_credential(name) and name.lower() not in _UNASKED
        ]
        query = without_secrets(request.query)
        target = request.target if query == request.query else f"{request.path}{'?' if query else ''}{query}"
        return replace(request, target=target, headers=make_headers([*pairs, self._pair]))

    async def kept_from(self, response: Response) -> Response:
        """Give an answer without cookies, which are of whoever holds the credential.

        Raises `UpstreamError` for one that repeats the credential; a stream raises it where that stands.
        """
        body = decompressed(response.body, response.headers.get("Content-Encoding", ""))
        if self.is_in([*response.headers.values(), body or b""]):
            if response.stream is not None:
                await response.stream.aclose()
            raise _repeated(response.status)
        stream = response.stream and _Searched(response.stream, self, response.status)
        if "Set-Cookie" not in response.headers:
            return replace(response, stream=stream) if stream else response
        pairs = [(name, value) for name, value in response.headers.items() if name.lower() != "set-cookie"]
        return replace(response, headers=make_headers(pairs), stream=stream)

    def is_in(self, texts: Iterable[str | bytes]) -> bool:
        """Tell whether the credential stands in any of these, in any form it could be written in."""
        return any(map(self._search.finds, texts))

    @property
    def longest_bytes(self) -> int:
        """The length of its longest form."""
        return self._search.longest_bytes


class _Searched:
    """A stream that breaks off before the piece in which the credential comes to its end."""

    def __init__(self, stream: Stream, credential: Credential, status: int) -> None:
        self._stream = stream
        self._credential = credential
        self._status = status
        self._before = b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._stream)
        seen = self._before + piece
        if self._credential.is_in([seen]):
            raise _repeated(self._status)
        self._before = seen[max(0, len(seen) - self._credential.longest_bytes) :]
        return piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _repeated(status: int) -> UpstreamError:
    return UpstreamError(
        f"The upstream answered {status}, and its answer repeats the credential that runproxy has sent with the call, "
        "which no client may see. The answer is withheld; the call may have changed something there.",
        code="upstream_repeats_credential",
        headers={"x-should-retry": "false"},
    )
