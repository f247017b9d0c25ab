"""The host names that a server without a key answers to.

A page of another site can point its own host name at 127.0.0.1 and then read this server's answers
as if they were its own (DNS rebinding). Its requests still carry that name in the Host header.
"""

import ipaddress
import re
from collections.abc import Iterable, Set

from findtune.core.errors import InputError

IPV6 = re.compile(r"\[([^\[\]]*)\](?::\d*)?")  # with a port, or without
NAME = re.compile(r"[\w.-]+(:\d+)?|\[?[0-9a-fA-F:.]+\]?(:\d+)?")
LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1"])


def allowed_hosts(bound: str, named: Iterable[str], *, has_key: bool) -> frozenset[str] | None:
    """Return the names that a server answers to; None for every name.

    bound: the address that the server listens on; named: further names that its user allows. A
    server with a key, or one that listens on a network, answers to every name unless some are
    named.
    """
    names = frozenset(map(checked_name, named))
    if not names and (has_key or not is_loopback(bound)):
        return None
    return names | LOOPBACK | {host_name(bound)}


def checked_name(name: str) -> str:
    """Return a host name that clients may use; raise InputError if it is not a host name."""
    if not NAME.fullmatch(name.strip()):
        raise InputError(
            f"ALLOWED_HOSTS has {name!r}; write host names alone, such as search.example.org."
        )
    return host_name(name)


def is_loopback(host: str) -> bool:
    """Return whether a host is reachable only from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host_name(host) == "localhost"


def host_name(host: str) -> str:
    """Return a Host header, or an address, without its port, in lower case."""
    name = host.strip().lower()
    if match := IPV6.fullmatch(name):
        return match[1]
    bare = name.partition(":")[0] if name.count(":") == 1 else name
    return bare.removesuffix(".")


def is_allowed(host: str, allowed: Set[str] | None) -> bool:
    """Return whether a server answers a request with this Host header."""
    return allowed is None or host_name(host) in allowed
