"""Places to listen at: what is bound, what is told where it cannot be, and what is left behind."""

import os
import socket
import stat
from pathlib import Path

import pytest

from runproxy.errors import ConfigError
from runproxy.server import HostPort, Inherited, Place, UnixSocket


def told(place: Place) -> str:
    """Give what is said about a place that cannot be had."""
    with pytest.raises(ConfigError) as caught:
        place.bind()
    return caught.value.message


def close(sockets: list[socket.socket]) -> None:
    """Close sockets."""
    for bound in sockets:
        bound.close()


def test_a_name_of_several_addresses_is_bound_on_one_port() -> None:
    """Whichever address of localhost a client tries, it finds the server on the port that is told."""
    place = HostPort("localhost", 0, "--port")
    bound = place.bind()
    try:
        ports = {one.getsockname()[1] for one in bound}
        assert len(ports) == 1
        assert place.url(bound, "http") == f"http://localhost:{ports.pop()}"
    finally:
        close(bound)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        pytest.param("0.0.0.0", "https://127.0.0.1:", id="all"),  # noqa: S104 - shown as what can be reached
        pytest.param("::1", "https://[::1]:", id="ipv6"),
    ],
)
def test_an_origin_is_one_that_clients_can_reach(host: str, origin: str) -> None:
    """All addresses are told as this machine's own, and those of IPv6 in brackets."""
    place = HostPort(host, 0, "--port")
    try:
        bound = place.bind()
    except ConfigError:
        pytest.skip("there is no IPv6 on this machine")
    try:
        assert place.url(bound, "https").startswith(origin)
    finally:
        close(bound)


def test_a_port_that_is_taken_leaves_no_socket_open() -> None:
    """The reason and the flag are told."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        message = told(HostPort("127.0.0.1", taken.getsockname()[1], "--port"))
    assert "the address is in use" in message
    assert "--port (0 takes any free one)" in message


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_unix_socket_has_its_mode_and_is_gone_in_the_end(tmp_path: Path, mode: int) -> None:
    """Whatever the umask of the process, which stays as it was."""
    path = tmp_path / "s"
    before = os.umask(0o022)
    try:
        place = UnixSocket(str(path), mode)
        bound = place.bind()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    close(bound)
    place.leave()
    assert not path.exists()


def test_a_unix_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    """Nobody listens on it, so it is in the way of nobody."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    bound = UnixSocket(str(path)).bind()
    bound[0].listen()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    close(bound)


def test_a_unix_socket_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    """Also where the other one is too busy to accept."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(0)
        for _ in range(3):  # each asks by connecting, which fills the queue of the other
            assert "another process listens there" in told(UnixSocket(str(path)))
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """What else may be in it, it is not runproxy's to remove; neither is what a link leads to."""
    path = tmp_path / "s"
    path.write_text("precious", encoding="utf-8")
    assert "a file is there that is no socket" in told(UnixSocket(str(path)))
    (tmp_path / "link").symlink_to(path)
    assert "a file is there that is no socket" in told(UnixSocket(str(tmp_path / "link")))
    assert path.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("missing/s", "No such file or directory", id="no-folder"),
        pytest.param("x" * 200, "path too long", id="too-long"),
        pytest.param("a\0b", "null", id="no-name"),
    ],
)
def test_a_path_that_cannot_be_is_told(tmp_path: Path, name: str, reason: str) -> None:
    """With the path and the reason."""
    message = told(UnixSocket(str(tmp_path / name)))
    assert message.startswith("Cannot listen on the unix socket ")
    assert reason in message


def test_leaving_removes_no_socket_of_others(tmp_path: Path) -> None:
    """Somebody has put a socket of their own in its place."""
    path = tmp_path / "s"
    place = UnixSocket(str(path))
    mine = place.bind()
    path.rename(tmp_path / "aside")  # keeps the inode in use, or the next one may get its number
    others = UnixSocket(str(path)).bind()
    place.leave()
    assert path.exists()
    close([*mine, *others])


def test_inherited_sockets_are_given_as_they_are(tmp_path: Path) -> None:
    """Leaving them takes nothing away from the process that holds them."""
    path = tmp_path / "s"
    owner = UnixSocket(str(path))
    bound = owner.bind()
    place = Inherited(bound, "http://localhost")
    assert place.bind() == bound
    assert place.url(bound, "http") == "http://localhost"
    place.leave()
    assert path.exists()
    close(bound)
    owner.leave()
