"""The port of a server: whether it is free, asked before models are loaded, and its sockets."""

import errno
import socket
from contextlib import ExitStack
from typing import Any

from findtune.core.errors import InputError

ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # of an address that this machine lacks
USER_PORT = 1024  # the first port that needs no rights


def refuse_taken(host: str, port: int) -> None:
    """Raise InputError if a server could not listen there now."""
    for each in open_sockets(host, port):
        each.close()


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at the addresses of a host; raise InputError if none can.

    A port that a server has just left is free, and one at which another listens is not. An address
    that this machine lacks is left out, such as ::1 of localhost where IPv6 is off. asyncio of
    Python 3.11 would stop at it, so it gets these sockets instead of the host.
    """
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise no_address(host) from None
    sockets = []
    with ExitStack() as opened:
        for family, _, protocol, _, address in dict.fromkeys(rows):  # a name may be listed twice
            try:
                sockets.append(opened.enter_context(listen(family, protocol, address)))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise refusal(error, host, port) from None
        opened.pop_all()
    if not sockets:
        raise no_address(host)
    return sockets


def listen(family: int, protocol: int, address: Any) -> socket.socket:
    """Return a socket that listens at an address, set as asyncio sets its own."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM, protocol))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen()
        opened.pop_all()
    return listener


def refusal(error: OSError, host: str, port: int) -> InputError:
    """Return what to do about an address at which this machine cannot listen."""
    if error.errno == errno.EADDRINUSE:
        return InputError(
            f"port {port} is in use; stop that server, or choose another: make serve PORT=..."
        )
    if error.errno == errno.EACCES:
        return InputError(
            f"this user may not use port {port}; choose one from {USER_PORT} on: "
            "make serve PORT=8080"
        )
    return InputError(
        f"{host}:{port} cannot be used: {error.strerror}; choose another: make serve PORT=..."
    )


def no_address(host: str) -> InputError:
    """Return the error on a host that is not this machine."""
    return InputError(f"this machine has no address {host}; choose another --host.")
