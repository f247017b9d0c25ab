"""A connection on which nothing is asked is closed; one that asks is answered."""

import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import uvicorn

from findtune.serving import connections
from findtune.serving.app import create_app
from findtune.serving.served import ServedModels


@pytest.fixture
def port(served: ServedModels, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Serve on a free port with half a second to ask."""
    monkeypatch.setattr(connections, "SECONDS_TO_ASK", 0.5)
    app = create_app(served)
    config = uvicorn.Config(app, port=0, http=connections.TimedProtocol, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def test_a_silent_connection_is_closed_and_one_that_asked_is_not(port: int) -> None:
    silent, half = (socket.create_connection(("127.0.0.1", port), 5) for _ in range(2))
    half.sendall(b"GET /health HT")
    asks = HTTPConnection("127.0.0.1", port, timeout=5)
    asks.auto_open = False  # or it would open a second connection
    asks.connect()
    assert health(asks) == 200
    assert silent.recv(1) == b""
    assert half.recv(1) == b""
    assert health(asks) == 200
    for connection in (silent, half, asks):
        connection.close()


def health(connection: HTTPConnection) -> int:
    connection.request("GET", "/health")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_later_request_that_is_never_finished_closes_its_connection(port: int) -> None:
    half = HTTPConnection("127.0.0.1", port, timeout=5)
    assert health(half) == 200
    half.sock.sendall(b"GET /health HT")
    assert half.sock.recv(1) == b""
    half.close()
