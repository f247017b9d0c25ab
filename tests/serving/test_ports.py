"""A port that cannot be used is named before models are loaded, with what to do."""

import errno
import socket
from collections.abc import Iterator

import pytest

from findtune.core.errors import InputError
from findtune.serving.ports import open_sockets, refuse_taken

HERE = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
ELSEWHERE = (*HERE[:4], ("203.0.113.7", 0))  # an address for documents, which no machine has
IPV6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))


def name(monkeypatch: pytest.MonkeyPatch, *addresses: object) -> None:
    """Let every host name stand for some addresses."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [*addresses])


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """Return a port at which another server listens."""
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "two.example"])
def test_a_port_in_use_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, taken: int, host: str
) -> None:
    if host == "two.example":
        name(monkeypatch, ELSEWHERE, (*HERE[:4], ("127.0.0.1", taken)))
    with pytest.raises(InputError) as error:
        refuse_taken(host, taken)
    assert str(error.value) == (
        f"port {taken} is in use; stop that server, or choose another: make serve PORT=..."
    )


def test_a_port_that_was_free_can_still_be_used(taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        server.accept()[0].close()  # leaves the port in TIME_WAIT, as a restart does
        client.close()
    refuse_taken("127.0.0.1", port)
    refuse_taken("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            errno.EACCES,
            "this user may not use port 80; choose one from 1024 on: make serve PORT=8080",
        ),
        (
            errno.EINVAL,
            "here.example:80 cannot be used: fails; choose another: make serve PORT=...",
        ),
        (errno.EADDRNOTAVAIL, "this machine has no address here.example; choose another --host."),
    ],
)
def test_a_port_or_an_address_that_cannot_be_bound_is_refused(
    monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "fails")

    name(monkeypatch, HERE)
    monkeypatch.setattr(socket.socket, "bind", fail)
    with pytest.raises(InputError) as error:
        refuse_taken("here.example", 80)
    assert str(error.value) == message


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
@pytest.mark.parametrize("addresses", [(IPV6, HERE), (HERE, IPV6), (HERE, HERE, IPV6)])
def test_an_address_that_the_machine_lacks_is_left_out_where_the_host_has_another(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[object, ...], number: int
) -> None:
    class WithoutIpv6(socket.socket):
        def __init__(self, family: int = -1, *arguments: int, **options: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(number, "fails")
            super().__init__(family, *arguments, **options)

    name(monkeypatch, *addresses)
    monkeypatch.setattr(socket, "socket", WithoutIpv6)
    refuse_taken("localhost", 0)
    [listener] = open_sockets("localhost", 0)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    name(monkeypatch, IPV6)
    with pytest.raises(InputError, match="no address localhost; choose another --host"):
        open_sockets("localhost", 0)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("too long")])
def test_a_name_that_is_no_host_is_refused(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(InputError, match="no address here.example; choose another --host"):
        refuse_taken("here.example", 80)
