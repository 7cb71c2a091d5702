"""What may be stored of a call: the same steps for what is recorded and for what is looked up.

Running them twice changes nothing; so whatever was recorded matches itself.
"""

from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from typing import Final

from runproxy.coding import MAX_DECOMPRESSED_BYTES, Undecodable, decoded, decompressed, known_coding, not_storable
from runproxy.errors import ConfigError, NotStorable, SecretFound
from runproxy.keyfile import HOW_TO_MAKE, Secret
from runproxy.messages import (
    CODING_HEADER,
    LENGTH_HEADER,
    Headers,
    Request,
    Response,
    coding_named,
    cut_anew,
    make_headers,
    tells_length_alone,
)
from runproxy.redaction.bodies import BodyRedaction, Taken
from runproxy.redaction.forms import forms_of, is_told_apart, views
from runproxy.redaction.headers import (
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    kept_request_headers,
    kept_response_headers,
)
from runproxy.redaction.needles import Needles
from runproxy.redaction.placeholders import Placeholders
from runproxy.redaction.query import REDACTED, replace_values, scrub
from runproxy.redaction.settings import KEY_VARIABLE, RedactSettings

_NOTHING: Final = Response(200, make_headers())


def storable_request(request: Request) -> Request:
    """Reduce a request to what may be stored of it, where nothing is set."""
    return PLAIN.storable_request(request)


def storable_response(response: Response, method: str) -> Response:
    """Reduce the answer to a call to what may be stored of it, where nothing is set."""
    return PLAIN.storable_response(response, method)


class Redactor:
    """Redacts as the settings say; raises `ConfigError` where they need a secret and there is none."""

    def __init__(self, settings: RedactSettings | None = None, secret: Secret | None = None) -> None:
        settings = settings or RedactSettings()
        if settings.needs_key and secret is None:
            raise ConfigError(
                f"redact: {settings.needs_key} makes placeholders with a secret: set {KEY_VARIABLE}, or "
                f"redact.key_file. Make one: {HOW_TO_MAKE}"
            )
        self._placeholders = Placeholders(secret.value) if secret else None
        self._ids = self._placeholders.in_place_of_ids if self._placeholders and settings.ids else None
        self._query = frozenset(name.lower() for name in settings.query)
        self._request_headers = REQUEST_HEADERS | {name.lower() for name in settings.request_headers}
        self._response_headers = RESPONSE_HEADERS | {name.lower() for name in settings.response_headers}
        self._headers_and_length = self._response_headers | {LENGTH_HEADER}
        self._sent, self._got = (
            BodyRedaction(
                [rule for rule in settings.body if rule.applies_to in ("both", side)], self._placeholders, ids
            )
            for side, ids in (("request", self._ids), ("response", self._ids))
        )
        self._is_plain = self._sent.is_off and not self._query

    def scrub(self, request: Request) -> Request:
        """Replace secrets in the parts of a request that matching compares."""
        return self._scrubbed(request, None)

    def compared_headers(self, headers: Headers, names: Container[str]) -> Headers:
        """Give the headers of these names, in lower case, as they are stored, or would be."""
        return self._without_ids(kept_request_headers(headers, names))

    def may_be_told(self, request: Request) -> bool:
        """Tell whether a scrubbed request is free of what the settings redact at their places."""
        try:
            self.storable(request, _NOTHING)
        except NotStorable:
            return False
        return True

    def unstored(self, names: Iterable[str]) -> list[str]:
        """Name those headers of requests that are not stored, of some in lower case."""
        return [name for name in names if name not in self._request_headers]

    def storable_request(self, request: Request) -> Request:
        """Reduce a request to what may be stored of it."""
        return self._storable_request(request, None)

    def storable_response(self, response: Response, method: str) -> Response:
        """Reduce the answer to a call of this method to what may be stored of it, decoded where that can be done."""
        with suppress(Undecodable):  # else it is left as it is, and no gate lets it pass
            response = _decoded(response, MAX_DECOMPRESSED_BYTES)
        return self._storable_response(response, method, None)

    def storable(
        self, request: Request, response: Response, most_bytes: int = MAX_DECOMPRESSED_BYTES
    ) -> tuple[Request, Response]:
        """Reduce a call to what may be stored of it, with the body of the answer decoded.

        Raises `OpaqueBody` where that cannot be done, `TooLongToRecord` where it says more than `most_bytes`,
        `Unredactable` for a body in which a rule cannot be followed, and `SecretFound` where a text that was replaced
        at its place stands at another one too.
        """
        try:
            response = _decoded(response, most_bytes)
        except Undecodable as error:
            raise not_storable(error, "the body of the response", most_bytes) from error
        if self._sent.is_off and self._got.is_off and not self._query:
            return self.storable_request(request), self._storable_response(response, request.method, None)
        sent_texts, got_texts = Taken(), Taken()
        sent = self._storable_request(request, sent_texts)
        got = self._storable_response(response, request.method, got_texts)
        self._sent.check("the body of the request", sent.body)
        self._got.check("the body of the response", got.body)
        shared = sent_texts.shared | got_texts.shared
        _check_gone(shared | sent_texts.own, _parts("request", sent.target, sent))
        _check_gone(shared | got_texts.own, _parts("response", "", got))
        return sent, got

    def _scrubbed(self, request: Request, taken: Taken | None) -> Request:
        request = scrub(request)
        if self._is_plain:
            return request
        headers, body = _readable(request.headers, request.body)
        target, body = self._target(request, taken), self._sent.redacted(body, taken)
        return Request(request.method, target, headers, body, digest=request.digest)

    def _target(self, request: Request, taken: Taken | None) -> str:
        target, query = request.target, request.query
        if query and self._query:
            target = f"{request.path}?{self._with_query_replaced(query, taken)}"
        return self._ids(target) if self._ids else target

    def _with_query_replaced(self, query: str, taken: Taken | None) -> str:
        def placeholder(value: str) -> str:
            made = self._placeholders.of_text(value) if self._placeholders else REDACTED
            if taken is not None and made != value:
                taken.shared.add(value)
            return made

        return replace_values(query, lambda name: name.lower() in self._query, placeholder)

    def _storable_request(self, request: Request, taken: Taken | None) -> Request:
        scrubbed = self._scrubbed(request, taken)
        headers = self._without_ids(kept_request_headers(scrubbed.headers, self._request_headers))
        return Request(scrubbed.method, scrubbed.target, headers, scrubbed.body, digest=scrubbed.digest)

    def _storable_response(self, response: Response, method: str, taken: Taken | None) -> Response:
        has_length_alone = tells_length_alone(method, response.status) and not response.body
        kept = self._headers_and_length if has_length_alone else self._response_headers
        headers, body = kept_response_headers(response.headers, kept), response.body
        if not self._got.is_off:
            headers, body = self._without_ids(headers), self._got.redacted(body, taken)
        pieces = cut_anew(response.body, response.pieces, body)
        return Response(response.status, headers, body, pieces, coding=response.coding)

    def _without_ids(self, headers: Headers) -> Headers:
        ids = self._ids
        return make_headers((name, ids(value)) for name, value in headers.items()) if ids else headers


def _readable(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Undo the coding of a body, so that it can be redacted; one that cannot be undone is not let through later."""
    coding = headers.get(CODING_HEADER, "")
    plain = decompressed(body, coding) if coding else None
    if plain is None or plain is body:
        return headers, body
    return make_headers((name, value) for name, value in headers.items() if name.lower() != CODING_HEADER), plain


def _decoded(response: Response, most_bytes: int) -> Response:
    """Undo the coding of an answer, and note it; raises `Undecodable`."""
    coding = coding_named(response.headers)
    if not (coding and response.body):
        return response
    return response.decoded(decoded(response.body, coding, most_bytes), known_coding(coding))


def _parts(side: str, target: str, message: Request | Response) -> Iterator[tuple[str, bytes]]:
    if target:
        yield "the address", target.encode("utf-8", "surrogateescape")
    yield f"the headers of the {side}", "\n".join(message.headers.values()).encode("utf-8", "surrogateescape")
    yield f"the body of the {side}", message.body


def _check_gone(texts: Iterable[str], parts: Iterable[tuple[str, bytes]]) -> None:
    needles = Needles()
    for text in filter(is_told_apart, texts):
        needles.add(forms_of(text))
    for where, data in parts:
        if len(needles) and any(needles.are_in(view) for view in views(data)):
            raise SecretFound("what the settings redact at another place", where)


PLAIN: Final = Redactor()
"""Redacts as runproxy does where nothing is set."""
