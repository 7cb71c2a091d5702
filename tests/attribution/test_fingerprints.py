"""Fingerprints: names for credentials that stay the same, and that tell nothing without the secret."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.attribution import Fingerprints
from runproxy.attribution.fingerprints import FINGERPRINT
from runproxy.errors import ConfigError
from tests.parts import CREDENTIAL

SECRET = b"a-secret-of-32-bytes-for-a-test!"
HOW = "Make one: (umask 077; head -c 32 /dev/urandom | base64 > runproxy.key)"


def key_file(folder: Path, content: bytes = SECRET, mode: int = 0o600) -> Path:
    """Write a secret into a file with a mode."""
    path = folder / "runproxy.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def told(path: Path) -> str:
    """Give what is said about a file that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        Fingerprints.from_file(path)
    assert caught.value.exit_code == 2
    return caught.value.message


@pytest.mark.parametrize(
    ("key", "text", "fingerprint"),
    [
        pytest.param(b"\x0b" * 20, "Hi There", "fp_b0344c61d8db38535ca8afceaf0bf12b", id="rfc-4231-case-1"),
        pytest.param(
            b"\xaa" * 131,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "fp_60e431591ee0b67f0d8a26aacbf5b77f",
            id="rfc-4231-case-6",
        ),
    ],
)
def test_a_fingerprint_is_half_of_an_hmac(key: bytes, text: str, fingerprint: str) -> None:
    """The first 16 bytes of HMAC-SHA-256 in hexadecimal, as the vectors of RFC 4231 have them."""
    assert Fingerprints(key, "test").of(text) == fingerprint


@settings(deadline=None, max_examples=100)
@given(key=st.binary(min_size=16, max_size=80), text=st.text(st.characters(codec="utf-8"), max_size=80))
def test_a_fingerprint_is_what_the_standard_library_computes(key: bytes, text: str) -> None:
    """For any secret and any credential, again and again, and in the form that settings take."""
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]
    found = Fingerprints(key, "test").of(text)
    assert found == f"fp_{expected}"
    assert Fingerprints(key, "elsewhere").of(text) == found
    assert re.fullmatch(FINGERPRINT, found)


def test_another_secret_gives_another_name() -> None:
    """Fingerprints of two installations cannot be held against each other."""
    assert Fingerprints(SECRET, "a").of(CREDENTIAL) != Fingerprints(SECRET[::-1], "b").of(CREDENTIAL)


def test_a_credential_that_is_no_text_has_a_fingerprint() -> None:
    """Bytes that are not UTF-8 come out of a header as surrogates, and are named by what was sent."""
    expected = hmac.new(SECRET, b"key-\xff", hashlib.sha256).hexdigest()[:32]
    assert Fingerprints(SECRET, "test").of("key-\udcff") == f"fp_{expected}"


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_short_secret_is_refused(length: int) -> None:
    """What could be guessed is no secret; the message says where it came from and how to make one."""
    with pytest.raises(ConfigError) as caught:
        Fingerprints(b"k" * length, "RUNPROXY_FINGERPRINT_KEY")
    assert caught.value.message == (
        f"RUNPROXY_FINGERPRINT_KEY: the secret of fingerprints needs at least 16 bytes. {HOW}"
    )


def test_the_shortest_secret_has_16_bytes() -> None:
    """The limit is part of the promise."""
    assert Fingerprints(b"k" * 16, "test").of("x").startswith("fp_")


@pytest.mark.parametrize(
    "content", [SECRET, SECRET + b"\n", b"\n  " + SECRET + b"\r\n"], ids=["bare", "line", "blanks"]
)
def test_a_secret_is_read_from_a_file(tmp_path: Path, content: bytes) -> None:
    """The line break at its end, which every editor writes, is no part of it."""
    assert Fingerprints.from_file(key_file(tmp_path, content)).of("x") == Fingerprints(SECRET, "test").of("x")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610, 0o601, 0o666, 0o777])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right of group or others is told with the mode, and with the command that mends it."""
    path = key_file(tmp_path, mode=mode)
    assert told(path) == f"{path}: others may read the secret in it (mode {mode:04o}): chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_only_its_owner_may_read_is_taken(tmp_path: Path, mode: int) -> None:
    """Whether the owner may write it does not matter."""
    assert Fingerprints.from_file(key_file(tmp_path, mode=mode)).of("x").startswith("fp_")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("missing.key", "No such file or directory", id="missing"),
        pytest.param(".", "Is a directory", id="folder"),
        pytest.param("runproxy.key/below", "Not a directory", id="below-a-file"),
        pytest.param("runproxy\0key", "that is no name for a file", id="no-name"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, reason: str) -> None:
    """The path, what the system says, and how to make one."""
    key_file(tmp_path)
    path = tmp_path / name
    assert told(path) == f"{path}: the secret of fingerprints cannot be read: {reason}. {HOW}"


def test_a_file_with_a_short_secret_is_refused_by_its_path(tmp_path: Path) -> None:
    """White space around it does not make it longer, and the secret is not repeated."""
    path = key_file(tmp_path, b"  fifteen-bytes-x          \n")
    message = told(path)
    assert message == f"{path}: the secret of fingerprints needs at least 16 bytes. {HOW}"
    assert "fifteen" not in message


def test_nothing_shows_the_secret() -> None:
    """Neither repr nor text holds it, so that an object in a log tells nothing."""
    fingerprints = Fingerprints(SECRET, "test")
    assert repr(fingerprints) == str(fingerprints) == f"{fingerprints}" == "Fingerprints(…)"
