"""A server starts where it can, and Ctrl+C is its usual end."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

# As a command runs it, which reports "Aborted!" and 1 for an interrupt that nothing handled.
SERVER = """
import sys
import click
from findtune.serving.app import create_app
from findtune.serving.served import ServedModels
from findtune.serving.server import run_server
from stages.command import Stage

@click.command(cls=Stage)
@click.argument("port", type=int)
def main(port):
    run_server(create_app(ServedModels()), "127.0.0.1", port)

main()
"""


@pytest.fixture
def port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


def start(port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SERVER, f"{port}"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def server(port: int) -> Iterator["subprocess.Popen[str]"]:
    """Start a server and return it when it answers."""
    with start(port) as process:
        try:
            for _ in range(600):
                if answers(port):
                    break
                time.sleep(0.1)
            yield process
        finally:
            process.kill()


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_an_interrupt_ends_a_server_without_an_error(server: "subprocess.Popen[str]") -> None:
    server.send_signal(signal.SIGINT)
    _, log = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "Application shutdown complete" in log
    assert "Abort" not in log
    assert "Traceback" not in log


def test_a_second_server_at_the_same_port_says_so_in_one_line(
    server: "subprocess.Popen[str]", port: int
) -> None:
    with start(port) as second:
        _, log = second.communicate(timeout=60)
    assert second.returncode == 1
    last = log.splitlines()[-1]
    assert last.startswith(f"Error: port {port} is in use; stop that server, or choose another")
    assert "Errno" not in log
    assert answers(port)
