"""Whether a port is free, asked before models are loaded."""

import errno
import socket

from findtune.core.errors import InputError


def refuse_taken(host: str, port: int) -> None:
    """Raise InputError if a server could not listen there now.

    Every address of the host is tried as asyncio binds it: a port that a server has just left is
    free, and one at which another listens is not.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise no_address(host) from None
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            refuse(error, host, port)


def refuse(error: OSError, host: str, port: int) -> None:
    """Raise InputError for the errors that a user can mend; the server reports all others."""
    if error.errno == errno.EADDRINUSE:
        raise InputError(
            f"port {port} is in use; stop that server, or choose another: make serve PORT=..."
        ) from None
    if error.errno == errno.EACCES:
        raise InputError(
            f"port {port} is for root only; choose one from 1024 on: make serve PORT=8080"
        ) from None
    if error.errno == errno.EADDRNOTAVAIL:
        raise no_address(host) from None


def no_address(host: str) -> InputError:
    """Return the error on a host that is not this machine."""
    return InputError(f"this machine has no address {host}; choose another --host.")
