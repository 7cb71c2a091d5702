"""TLS for the listener: what is spoken, and what is told of files that cannot be used."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from runproxy.errors import ConfigError
from runproxy.messages import Delivery, Response, make_headers
from runproxy.server import Edge, HostPort, low_level, server_context
from tests.parts import ADDRESS, ScriptedUpstream, answer

CALL = f"GET {ADDRESS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Give an authority that clients trust."""
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> tuple[str, str]:
    """Give the paths of a certificate for this machine and of its key."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for pem in issued.cert_chain_pems:
        pem.write_to_path(str(cert), append=True)
    issued.private_key_pem.write_to_path(str(key))
    return str(cert), str(key)


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    """Make what a client trusts."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_calls_are_answered_over_tls(files: tuple[str, str], authority: trustme.CA) -> None:
    """The certificate is verified by the client, and the version is a modern one."""
    edge = Edge(ScriptedUpstream(make=lambda _: answer({"id": "r"})).send, max_body_bytes=1000, body_s=20)
    place = HostPort("127.0.0.1", 0, "--port")
    async with low_level(edge, place, drain_s=1, idle_s=20, tls=server_context(*files)) as listener:
        assert listener.url.startswith("https://127.0.0.1:")
        port = int(listener.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(authority))
        writer.write(CALL)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()


async def test_a_handshake_that_never_ends_is_let_go(files: tuple[str, str], authority: trustme.CA) -> None:
    """Whether nothing comes or half a greeting; others are answered meanwhile."""
    edge = Edge(ScriptedUpstream(make=lambda _: answer({"id": "r"})).send, max_body_bytes=1000, body_s=20)
    place = HostPort("127.0.0.1", 0, "--port")
    async with low_level(edge, place, drain_s=1, idle_s=0.3, tls=server_context(*files)) as listener:
        port = int(listener.url.rpartition(":")[2])
        stuck = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        stuck[1][1].write(b"\x16\x03\x01\x02\x00\x01")
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(authority))
        writer.write(CALL)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        for stuck_reader, stuck_writer in stuck:
            async with asyncio.timeout(10):
                assert await stuck_reader.read() == b""
            stuck_writer.close()


async def test_a_client_that_reads_nothing_is_let_go_over_tls(files: tuple[str, str], authority: trustme.CA) -> None:
    """As without; what waits for it is not kept for ever."""
    told: list[Delivery] = []
    long = Response(200, make_headers([("Content-Type", "image/png")]), bytes(12 * 1024 * 1024))
    edge = Edge(
        ScriptedUpstream(make=lambda _: long).send,
        max_body_bytes=1000,
        body_s=20,
        send_s=0.3,
        delivered=lambda _, delivery: told.append(delivery),
    )
    place = HostPort("127.0.0.1", 0, "--port")
    async with low_level(edge, place, drain_s=1, idle_s=20, tls=server_context(*files)) as listener:
        port = int(listener.url.rpartition(":")[2])
        trusting = client_context(authority)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, limit=4096)
        writer.write(CALL)
        async with asyncio.timeout(20):
            while not told:  # noqa: ASYNC110 - it is told by no event
                await asyncio.sleep(0.01)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)):
                await reader.readexactly(len(long.body))
        writer.transport.abort()
    assert told == [Delivery.CLIENT_STALLED]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.*deprecated:DeprecationWarning")
def test_old_versions_are_not_spoken(files: tuple[str, str]) -> None:
    """Nothing below TLS 1.2, and there only ciphers with forward secrecy that authenticate."""
    context = server_context(*files)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    older = [held["name"] for held in context.get_ciphers() if held["protocol"] == "TLSv1.2"]
    assert older
    assert all(name.startswith("ECDHE-") and ("GCM" in name or "CHACHA20" in name) for name in older)


def told(cert: str, key: str) -> str:
    """Give what is said of files that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        server_context(cert, key)
    return caught.value.message


def test_files_that_cannot_be_used_are_told(files: tuple[str, str], tmp_path: Path, authority: trustme.CA) -> None:
    """Each with the setting, the file and the reason."""
    cert, key = files
    other, empty = str(tmp_path / "other.pem"), str(tmp_path / "empty.pem")
    authority.issue_cert("localhost").private_key_pem.write_to_path(other)
    Path(empty).touch()
    missing = str(tmp_path / "missing.pem")
    assert told(missing, key) == f"listen.tls_cert: cannot read {missing}: No such file or directory."
    assert told(cert, missing) == f"listen.tls_key: cannot read {missing}: No such file or directory."
    assert told(str(tmp_path), key) == f"listen.tls_cert: cannot read {tmp_path}: Is a directory."
    assert told(empty, key) == f"listen.tls_cert: {empty} holds no certificate in PEM form."
    assert told(cert, cert) == f"listen.tls_key: {cert} holds no private key in PEM form."
    assert told(cert, other) == (
        f"listen.tls_key: the key in {other} does not belong to the first certificate in {cert}."
    )


def test_a_certificate_that_is_garbled_is_told(files: tuple[str, str], tmp_path: Path) -> None:
    """It has the marks of one, and is none."""
    garbled = tmp_path / "garbled.pem"
    garbled.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", encoding="utf-8")
    assert told(str(garbled), files[1]).startswith(f"listen.tls_cert: {garbled} and {files[1]} cannot be used: ")


def test_an_encrypted_key_is_told_and_nobody_is_asked(files: tuple[str, str], tmp_path: Path) -> None:
    """A server without a terminal could wait for a password for ever."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    plain = serialization.load_pem_private_key(Path(files[1]).read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"made-up"),
        )
    )
    assert told(files[0], str(encrypted)).startswith(f"listen.tls_key: the key in {encrypted} is encrypted")
