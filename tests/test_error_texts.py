"""What errors say: what happened, where, and what to do. Each class of the tree has an example of its text here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

import runproxy.errors as all_errors
from runproxy.audit.errors import AuditUnavailable
from runproxy.cli import main
from runproxy.errors import RunproxyError
from tests.cli.test_exits import tree
from tests.parts import proxy, raw_exchange

ROOT: Final = Path(__file__).parents[1]
GROUPS: Final = {"RunproxyError", "CassetteError", "NotStorable", "Overloaded"}
"""Classes that stand for those below them."""

FIXED: Final[Mapping[str, tuple[RunproxyError, str]]] = {
    type(error).__name__: (error, text)
    for error, text in (
        (all_errors.BodyTooLarge(9), "The request body is larger than the limit of 9 bytes. Send less in one call."),
        (all_errors.BodyTooSlow(3), "The request body did not arrive within 3 seconds."),
        (all_errors.BrokenOff(), "The answer breaks off, as a fault asks for."),
        (all_errors.ClientGone(5), "The client broke off its call after 5 bytes of the body."),
        (
            all_errors.ClosedEndpoint(),
            "the upstream has closed this endpoint: it answers 404 with an empty body; the interaction was not stored",
        ),
        (
            all_errors.HeadersTooLarge(9, 2),
            (
                "A header of the request is longer than 9 bytes, or there are more than 2 of them. "
                "Send fewer and shorter ones."
            ),
        ),
        (
            all_errors.OpaqueBody("response.body"),
            "response.body is compressed in a way that cannot be looked into; the interaction was not stored",
        ),
        (
            all_errors.RulesChanged(),
            "The rules of this proxy have changed while your call was on its way. Send it once more.",
        ),
        (
            all_errors.SecretFound("an OpenAI key", "request.body"),
            "an OpenAI key found in request.body; the interaction was not stored",
        ),
        (
            all_errors.TargetTooLong(9),
            "The request target is longer than 9 bytes. Shorten its query, or send that in the body.",
        ),
        (all_errors.TooLongToRecord(9), "the answer is longer than 9 bytes; the interaction was not stored"),
        (all_errors.TooManyCalls(2), "runproxy is answering 2 calls, as many as it may (limits.max_concurrent)."),
        (
            all_errors.TooManyConnections(),
            "runproxy has as many connections as it may (limits.max_connections).",
        ),
        (
            all_errors.TooManyCredentials(2),
            "the call carries more than 2 credentials to look for; the interaction was not stored",
        ),
        (
            all_errors.Unredactable("request.body"),
            "request.body cannot be read as JSON, and so not be redacted; the interaction was not stored",
        ),
        (
            all_errors.UploadNotKept("No space left on device"),
            (
                "The body of your request could not be kept in a temporary file: No space left on device. "
                "Make room there, or name another folder in the environment variable TMPDIR."
            ),
        ),
        (
            all_errors.UploadUnfinished(),
            "the upstream answered before it had the whole request; the interaction was not stored",
        ),
        (
            AuditUnavailable(),
            (
                "The call was not forwarded, because it could not be written down in the audit. Whoever runs this "
                "proxy finds the reason in its log."
            ),
        ),
    )
}
TYPED: Final[Mapping[str, tuple[str, str]]] = {
    "ConfigError": ("config validate none.toml", "none.toml: cannot be read: No such file or directory."),
    "CassetteNotFound": ("cassette show nothing", "There is no cassette"),
    "CorruptCassette": (
        "cassette show corrupt.json",
        "The file was left as it is; mend it there, or restore it from version control.",
    ),
    "UnknownFormat": ("cassette show newer.json", "runproxy/9"),
    "CassetteNotWritable": (
        "cassette merge q q --into q",
        "q.json is there already, and was left alone. Choose another name.",
    ),
    "AuditError": (
        "audit verify",
        (
            ".runproxy/audit.db: there is no audit store. A proxy that forwards calls makes one, by default "
            ".runproxy/audit.db in the folder it is started in; "
            "name it with --store, or as audit.store in the settings."
        ),
    ),
    "UnusableFilter": (
        "audit summary --since yesterday",
        "since: 'yesterday' is neither a span such as '7d' nor a time such as '2026-11-22T17:00'.",
    ),
}
SENT: Final[Mapping[str, tuple[str, str]]] = {
    "MethodRefused": ("PUT /v1/threads/t/runs/r HTTP/1.1\r\nHost: h\r\nContent-Length: 0", "method_not_allowed"),
    "MediaTypeRefused": (
        "POST /v1/threads/t/runs/r HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 0",
        "unsupported_media_type",
    ),
    "MalformedJson": (
        "POST /v1/threads/t/runs/r HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 0",
        "We could not parse the JSON body of your request.",
    ),
    "OutsideBasePath": (
        "GET /v1/../x HTTP/1.1\r\nHost: h",
        "the base path of the upstream. Swap the origin of your base URL and keep its path.",
    ),
    "RouteDenied": ("GET /v1/models HTTP/1.1\r\nHost: h", "route_denied"),
    "ExpectationRefused": (
        "POST /v1/threads/t/runs/r HTTP/1.1\r\nHost: h\r\nExpect: more\r\nContent-Length: 0",
        "Nothing but 'Expect: 100-continue' can be met.",
    ),
    "Refusal": ("GET http://h/v1/models HTTP/1.1\r\nHost: h", "The request target must be a path"),
}
ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "CassetteMiss": ("tests/test_verdicts.py", "No recorded answer for"),
    "UpstreamError": ("tests/upstream/test_http_proxy.py", "cannot be reached"),
    "UpstreamTimeout": ("tests/upstream/test_client.py", "upstream_timeout"),
    "UnknownSession": ("tests/flows/test_sessions.py", "There is no session of this name"),
    "NeedsOneProcess": ("tests/composition/test_sharing.py", "in one process only"),
    "WorkersFailed": ("tests/cli/test_workers.py", "did not start"),
    "Stopped": ("tests/server/test_drain.py", "stopped"),
    "Unrecorded": ("tests/flows/test_record_trouble.py", "withheld"),
    "MetadataRefused": ("tests/cli/test_check.py", "Invalid type for 'metadata"),
    "SandboxRefusal": ("tests/test_sandbox.py", "Incorrect API key"),
}
"""Those that take a broken upstream, a stop or several processes: the file that has the text, and a piece of it."""


def test_every_class_has_an_example() -> None:
    """A new class of errors shows here what it says, in one table."""
    examples = [*FIXED, *TYPED, *SENT, *ELSEWHERE, *GROUPS]
    assert len(set(examples)) == len(examples)
    assert {error.__name__ for error in tree()} == set(examples)


@pytest.mark.parametrize("name", FIXED)
def test_fixed_texts(name: str) -> None:
    """Word by word."""
    error, text = FIXED[name]
    assert error.message == str(error) == text


@pytest.mark.parametrize("name", TYPED)
def test_what_a_command_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message on stderr, with exit code 2 and no traceback."""
    monkeypatch.chdir(tmp_path)
    Path("corrupt.json").write_text("nonsense", encoding="utf-8")
    Path("newer.json").write_text('{"format": "runproxy/9", "interactions": []}', encoding="utf-8")
    Path("cassettes").mkdir()
    Path("cassettes/q.json").write_text('{"format": "runproxy/1", "interactions": []}', encoding="utf-8")
    typed, text = TYPED[name]
    result = CliRunner().invoke(main, typed.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert text in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", SENT)
async def test_what_a_client_is_told(name: str, tmp_path: Path) -> None:
    """In the shape of the service, with the status of the class."""
    sent, text = SENT[name]
    status = {error.__name__: error.status for error in tree()}[name]
    rules = {"guard": {"other_routes": "deny"}} if name == "RouteDenied" else {}
    async with proxy(tmp_path, "replay", rules=rules) as running:
        answer = (await raw_exchange(running.url, f"{sent}\r\n\r\n".encode())).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert text in answer
    assert '"error": {' in answer


@pytest.mark.parametrize("name", ELSEWHERE)
def test_other_texts_have_their_tests(name: str) -> None:
    """In the file that is named."""
    path, text = ELSEWHERE[name]
    assert text in (ROOT / path).read_text(encoding="utf-8")
