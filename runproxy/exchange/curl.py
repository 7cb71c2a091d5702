"""Writes the requests of a cassette as curl commands, for any POSIX shell, to be read and pasted.

Every word is quoted, so a recorded text is never a command. A body that a terminal shows as it is stands in the
command; any other comes by stdin, from base64.
"""

import shlex
from base64 import encodebytes
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, unquote_plus

from runproxy.cassettes import Interaction
from runproxy.exchange.addresses import absolute_url
from runproxy.messages import HOP_BY_HOP, Request
from runproxy.redaction import REDACTED, secrets_in_query

_OF_CURL: Final = HOP_BY_HOP | {"authorization", "content-length", "host"}
_AUTHORIZATION: Final = '-H "Authorization: Bearer $OPENAI_API_KEY"'
_MAX_WORD_BYTES: Final = 64 * 1024  # Linux takes twice as much in one argument
_LAYOUT: Final = frozenset("\n\t")


def write_curl(interactions: Mapping[int, Interaction], base_url: str) -> bytes:
    """Print a command for each interaction, below a comment with its position; `base_url` stands for the host.

    Of one whose body was too long to be recorded, the comment is all.
    """
    commands = (_described(position, held, base_url) for position, held in interactions.items())
    return "\n".join(commands).encode("utf-8", "backslashreplace")


def _described(position: int, interaction: Interaction, base_url: str) -> str:
    request = interaction.request
    comments = [f"[{position}] {request.method} {_visible(request.target)} -> {interaction.response.status}"]
    if any(unquote_plus(value) == REDACTED for value in secrets_in_query(request.query)):
        comments.append(f"a secret in the query was not recorded; put it in the place of {REDACTED}")
    unprintable = [name for name, value in request.headers.items() if not _is_plain(value)]
    if request.digest is not None:
        comments.append(f"no command: its body of {request.digest.length} bytes was too long to be recorded")
    if unprintable:
        comments.append(f"left out for their control characters: {', '.join(unprintable)}")
    lines = [f"# {comment}" for comment in comments]
    commands = [] if request.digest is not None else [_command(request, base_url)]
    return "\n".join([*lines, *commands, ""])


def _command(request: Request, base_url: str) -> str:
    words = [" ".join(["curl", *_flags(request), shlex.quote(absolute_url(base_url, _visible(request.target)))])]
    words += [f"-H {shlex.quote(header)}" for header in _header_words(request)]
    words.append(_AUTHORIZATION)
    if not request.body:
        return _joined(words)
    text = _as_word(request.body)
    if text is None:
        encoded = encodebytes(request.body).decode()
        return f"base64 -d <<'END' | {_joined([*words, '--data-binary @-'])}\n{encoded}END"
    option = "--data-raw" if text.startswith("@") else "--data-binary"  # curl would read a file of that name
    return _joined([*words, f"{option} {shlex.quote(text)}"])


def _joined(words: list[str]) -> str:
    return " \\\n  ".join(words)


def _flags(request: Request) -> Iterator[str]:
    """Give the flags that keep curl from reading more into an address than stands there, where there is need."""
    if set("[]{}") & set(request.target):
        yield "--globoff"
    if "/." in request.path:
        yield "--path-as-is"
    if request.method == "HEAD" and not request.body:
        yield "--head"
    else:
        yield f"-X {shlex.quote(request.method)}"


def _header_words(request: Request) -> Iterator[str]:
    for name, value in request.headers.items():
        if name.lower() not in _OF_CURL and _is_plain(value):
            yield f"{name}: {value}" if value.strip() else f"{name};"
    if request.body and "content-type" not in request.headers:
        yield "Content-Type:"  # takes away the one that curl would add


def _as_word(body: bytes) -> str | None:
    """Give a body as text, when it fits into an argument and shows as it is."""
    if len(body) > _MAX_WORD_BYTES:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char in _LAYOUT for char in text) else None


def _is_plain(value: str) -> bool:
    return all(char.isprintable() or char == "\t" for char in value)


def _visible(target: str) -> str:
    """Percent-encode what HTTP does not take in an address, and a terminal might obey; few cassettes hold any."""
    return "".join(
        char if char.isascii() and char.isprintable() else quote(char, safe="", errors="surrogateescape")
        for char in target
    )
