"""TLS to the upstream: always verified; a certificate that is not trusted costs the call, and nothing is sent."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from runproxy.errors import ConfigError
from runproxy.messages import Response
from runproxy.upstream import ConnectionSettings
from runproxy.upstream.tls import make_tls_context
from tests.parts import ScriptedUpstream, ask, echo, modify, proxy, serving
from tests.upstream.servers import Authority, behind_tls, listening


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority with a folder of its own."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


async def asked(folder: Path, base_url: str, connection: dict[str, Any]) -> Response:
    """Ask an upstream through a recording proxy."""
    async with proxy(folder, "record", base_url, rules={"connection": connection}) as recording:
        (got,) = await ask(recording.url, modify({"a": "b"}))
    return got


def error_of(response: Response) -> tuple[int, str, str]:
    """Give status, code and message of a refusal, which tells of no call that might have been made."""
    assert "x-runproxy-upstream-outcome" not in response.headers
    error = json.loads(response.body)["error"]
    return response.status, error["code"], error["message"]


async def test_an_authority_of_ones_own_is_trusted(tmp_path: Path, authority: Authority) -> None:
    """With ca_file the upstream is reached, and the call is recorded."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as plain, behind_tls(plain, authority.server("127.0.0.1")) as base_url:
        got = await asked(tmp_path, base_url, {"ca_file": authority.ca_file})
    assert (got.status, got.headers["x-runproxy-outcome"]) == (200, "recorded")
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    ("names", "own_ca", "expected"),
    [
        pytest.param(["127.0.0.1"], False, "of no authority that is trusted here", id="unknown-authority"),
        pytest.param(["other.example.com"], True, "certificate is not valid for '127.0.0.1'", id="another-host"),
    ],
)
async def test_a_certificate_that_is_not_trusted_costs_the_call(
    tmp_path: Path, authority: Authority, names: list[str], own_ca: bool, expected: str
) -> None:
    """502 says what is wrong and what to do; nothing is sent and nothing recorded."""
    upstream = ScriptedUpstream(make=echo)
    connection = {"ca_file": authority.ca_file} if own_ca else {}
    async with serving(upstream) as plain, behind_tls(plain, authority.server(*names)) as base_url:
        status, code, message = error_of(await asked(tmp_path, base_url, connection))
    assert (status, code) == (502, "upstream_untrusted")
    assert "is not trusted, and nothing was sent: " in message
    assert expected in message
    assert own_ca or "ca_file (--ca-file)" in message
    assert upstream.seen == []
    assert not (tmp_path / "default.json").exists()


async def test_an_expired_certificate_is_told_as_such(tmp_path: Path, authority: Authority) -> None:
    """With the hint that the clock may be wrong."""
    expired = authority.server("127.0.0.1")
    authority.ca.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)).configure_cert(expired)
    async with serving(ScriptedUpstream()) as plain, behind_tls(plain, expired) as base_url:
        _, code, message = error_of(await asked(tmp_path, base_url, {"ca_file": authority.ca_file}))
    assert code == "upstream_untrusted"
    assert "has expired" in message


async def test_the_systems_authorities_are_not_trusted_beside_ones_own(tmp_path: Path, authority: Authority) -> None:
    """ca_file stands in place of them: an upstream of another authority is refused."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    async with serving(ScriptedUpstream()) as plain, behind_tls(plain, other.server("127.0.0.1")) as base_url:
        _, code, _ = error_of(await asked(tmp_path, base_url, {"ca_file": authority.ca_file}))
    assert code == "upstream_untrusted"


async def test_a_client_certificate_is_shown(tmp_path: Path, authority: Authority) -> None:
    """An upstream that takes nobody without one is reached, with certificate and key in two files or in one."""
    certificate, key = authority.client()
    both = authority.client_in_one_file()
    upstream = ScriptedUpstream(make=echo)
    tls = authority.server_for_clients_of(authority, "127.0.0.1")
    async with serving(upstream) as plain, behind_tls(plain, tls) as base_url:
        for files in ({"client_cert": certificate, "client_key": key}, {"client_cert": both}):
            got = await asked(tmp_path, base_url, {"ca_file": authority.ca_file, **files})
            assert got.status == 200
    assert len(upstream.seen) == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
@pytest.mark.parametrize("shown", ["none", "of-a-stranger"])
async def test_a_client_certificate_that_is_missing_or_refused_is_told(
    tmp_path: Path, authority: Authority, version: ssl.TLSVersion, shown: str
) -> None:
    """Whether the server says so in the handshake, as in TLS 1.2, or after it, as in TLS 1.3."""
    (tmp_path / "strangers").mkdir()
    certificate, key = Authority(tmp_path / "strangers").client()
    connection = {"ca_file": authority.ca_file}
    if shown == "of-a-stranger":
        connection |= {"client_cert": certificate, "client_key": key}
    tls = authority.server_for_clients_of(authority, "127.0.0.1")
    tls.minimum_version = tls.maximum_version = version
    with refusing_in_handshake(tls) as base_url:
        status, code, message = error_of(await asked(tmp_path, base_url, connection))
    assert (status, code) == (502, "upstream_tls")
    assert ("Name one in client_cert" if shown == "none" else "refuses the certificate in client_cert") in message


@contextmanager
def refusing_in_handshake(tls: ssl.SSLContext) -> Iterator[str]:
    """Serve one handshake with a blocking socket: asyncio's server closes without the alert that tells the reason."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(20)
                with (
                    suppress(ssl.SSLError),
                    tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as over,
                ):
                    over.do_handshake()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.getsockname()[1]}/v1"
        finally:
            thread.join()


async def test_what_does_not_speak_tls_is_told_as_such(tmp_path: Path, authority: Authority) -> None:
    """An https URL for a plain server."""
    async with serving(ScriptedUpstream()) as plain:
        base_url = plain.replace("http://", "https://")
        status, code, message = error_of(await asked(tmp_path, base_url, {"ca_file": authority.ca_file}))
    assert (status, code) == (502, "upstream_tls")
    assert "does not speak TLS" in message


async def test_a_handshake_that_is_cut_off_is_told(tmp_path: Path) -> None:
    """Nothing was sent then."""

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(hang_up) as port:
        status, code, message = error_of(await asked(tmp_path, f"https://127.0.0.1:{port}/v1", {}))
    assert (status, code) == (502, "upstream_unreachable")
    assert "closed the connection before TLS was agreed upon" in message


async def test_a_handshake_that_does_not_come_about_ends_in_time(tmp_path: Path) -> None:
    """connect_s holds for all that it takes until a call can be sent."""

    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        listening(silence) as port,
        proxy(tmp_path, "record", f"https://127.0.0.1:{port}/v1", limits={"connect_s": 0.2}) as recording,
    ):
        (got,) = await ask(recording.url, modify({}))
    status, code, message = error_of(got)
    assert (status, code) == (504, "upstream_timeout")
    assert "did not accept a connection in time" in message


def _write_files(authority: Authority) -> None:
    """Write what the mistakes below are made of."""
    _, key = authority.client()
    authority.client("other")
    (authority.folder / "folder").mkdir()
    (authority.folder / "text").write_text("no certificate")
    (authority.folder / "empty").touch()
    (authority.folder / "garbled").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    held = load_pem_private_key(Path(key).read_bytes(), None)
    (authority.folder / "encrypted.key").write_bytes(
        held.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase"))
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"ca_file": "missing"}, "ca_file: cannot read missing: No such file or directory.", id="missing"),
        pytest.param({"ca_file": "folder"}, "ca_file: cannot read folder: Is a directory.", id="folder"),
        pytest.param({"ca_file": "a\0b"}, "ca_file: 'a\\x00b' is no name for a file.", id="no-name"),
        pytest.param({"ca_file": "text"}, "ca_file: text holds no certificate in PEM form.", id="text"),
        pytest.param({"ca_file": "garbled"}, "ca_file: garbled holds no certificate that can be read.", id="garbled"),
        pytest.param({"ca_file": "empty"}, "ca_file: empty holds no certificate in PEM form.", id="empty"),
        pytest.param(
            {"client_cert": "missing"}, "client_cert: cannot read missing: No such file or directory.", id="no-cert"
        ),
        pytest.param(
            {"client_cert": "client.key"}, "client_cert: client.key holds no certificate in PEM form.", id="cert-a-key"
        ),
        pytest.param(
            {"client_cert": "client.pem"},
            "client_cert: client.pem holds no private key in PEM form.",
            id="cert-without-key",
        ),
        pytest.param(
            {"client_cert": "client.pem", "client_key": "missing"},
            "client_key: cannot read missing: No such file or directory.",
            id="no-key",
        ),
        pytest.param(
            {"client_cert": "client.pem", "client_key": "client.pem"},
            "client_key: client.pem holds no private key in PEM form.",
            id="key-a-cert",
        ),
        pytest.param(
            {"client_cert": "client.pem", "client_key": "other.key"},
            "client_key: the key in other.key does not belong to the first certificate in client.pem.",
            id="key-of-another",
        ),
        pytest.param(
            {"client_cert": "client.pem", "client_key": "encrypted.key"},
            "client_key: the key in encrypted.key is encrypted, and there is nobody to ask for its password. Give the "
            "key in plain, readable for this user only: openssl pkey -in encrypted.key -out FILE",
            id="key-encrypted",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: str
) -> None:
    """The setting, the file, and what is wrong with it; nobody is asked for a passphrase."""
    _write_files(authority)
    monkeypatch.chdir(authority.folder)
    with pytest.raises(ConfigError) as caught:
        make_tls_context(ConnectionSettings(**settings), "corp")
    assert caught.value.message == f"corp.{expected}"


def test_tls_is_verified_in_every_case(authority: Authority) -> None:
    """Nothing that can be set turns it off."""
    certificate, key = authority.client()
    for settings in (
        {"ca_file": authority.ca_file},
        {"client_cert": certificate, "client_key": key},
        {"ca_file": authority.ca_file, "client_cert": certificate, "client_key": key},
    ):
        context = make_tls_context(ConnectionSettings(**settings), "corp")
        assert context is not None
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert make_tls_context(ConnectionSettings(), "corp") is None
