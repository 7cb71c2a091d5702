"""What supervisor and workers tell each other."""

from pathlib import Path
from typing import Any

import pytest

from runproxy.config import Settings, make_settings
from runproxy.upstream.settings import EXAMPLES
from runproxy.workers.order import Ended, Order, Ready, decode, encode, read_settings, write_settings

ORDER = Order(2, (5, 7), "http://127.0.0.1:8787", Path("/tmp/folder"))  # noqa: S108 - a name, not a file


def test_an_order_is_one_line_and_comes_back_as_it_was() -> None:
    """And the worker finds the socket to tell of itself."""
    assert ORDER.encode().count(b"\n") == 1
    assert Order.decode(ORDER.encode()) == ORDER
    assert ORDER.admin_socket == ORDER.folder / "2.sock"


@pytest.mark.parametrize("line", [b"", b"{}\n", b"null\n", b"[1]\n", b"no\n"])
def test_what_is_no_order_is_told(line: bytes) -> None:
    """As an error of one kind."""
    with pytest.raises(ValueError, match=r".*"):
        Order.decode(line)


@pytest.mark.parametrize("told", [Ready("/v1", is_loaded=False), Ended({"replayed": 3}), Ended({})])
def test_what_a_worker_tells_comes_back_as_it_was(told: Ready | Ended) -> None:
    """On one line."""
    assert encode(told).count(b"\n") == 1
    assert decode(encode(told)) == told


@pytest.mark.parametrize("line", [b"", b"hello\n", b"{}\n", b"[]\n", b'{"Ready": 3}\n', b'{"Other": {}}\n', b"3\n"])
def test_what_a_library_may_print_is_passed_over(line: bytes) -> None:
    """It is neither readiness nor an end."""
    assert decode(line) is None


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"listen": {"workers": 3, "unix_socket": "s"}, "limits": {"drain_s": 1.5}}, id="values"),
        pytest.param(
            {
                "guard": {"routes": ["modify_run"]},
                "routes": [{"name": "own", "path": "/items/{item_id}"}],
                "policy": {"required": ["team"], "keys": {"team": {"enum": ["search"]}}},
                "match": {"ignore_query": ["ts"]},
                "redact": {"body": [{"pointer": "/email", "action": "replace"}]},
                "verify": {"kinds": ["status"], "ignore": ["/created_at"]},
                "attribution": {"teams": {"search": {"projects": ["p"]}}},
            },
            id="rules",
        ),
        pytest.param({"upstreams": EXAMPLES, "upstream": "azure"}, id="profiles"),
    ],
)
def test_settings_come_back_as_they_were(tmp_path: Path, values: dict[str, Any]) -> None:
    """From the file that all workers read, whenever they start."""
    settings = make_settings(values, "test")
    write_settings(tmp_path, Settings())
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings
