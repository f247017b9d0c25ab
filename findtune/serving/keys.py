"""Which key a request needs, and whether it has that key.

There are two keys: one for clients, and an admin key for the people who run the server. Only the
admin key shows the collected answers of all users and reloads models.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import NamedTuple

from findtune.serving.refusals import RefusedError

COLLECTED = "/collected"
ADMIN = "/admin/"
NOT_SET = (
    "this path needs the admin key, and the server has none; start it with FINDTUNE_ADMIN_KEY=KEY."
)


class Keys(NamedTuple):
    """The keys of a server; None for a key that is not set.

    client: for all paths that clients use. admin: for the paths of `is_admin`, and all others, too.
    """

    client: str | None = None
    admin: str | None = None

    def accepted(self, path: str) -> Sequence[str] | None:
        """Return the keys of which a path needs one; None for a path that needs no key.

        A server with only a client key opens the paths of `is_admin` to nobody.
        """
        needed = self.admin if is_admin(path) else self.client
        if needed is None and not (is_admin(path) and self.client):
            return None
        return [key for key in dict.fromkeys([needed, self.admin]) if key]

    def check(self, path: str, authorization: bytes, *, is_page: bool) -> None:
        """Raise RefusedError 401 for a request without its key, and 403 if no key opens the path.

        authorization: the header. is_page: whether a browser opens the path. Such a path also
        accepts the key as a password, since a browser can ask for one. No other path does: a
        browser also sends passwords with requests that another site's page makes.
        """
        accepted = self.accepted(path)
        if accepted is None or any([is_key(authorization, key, is_page) for key in accepted]):
            return
        if not accepted:
            raise RefusedError(403, "permission_error", NOT_SET)
        if is_page:
            raise AskPasswordError(is_admin(path))
        kind = "the admin key" if is_admin(path) else "its key"
        message = f"this server needs {kind}: send Authorization: Bearer KEY."
        raise RefusedError(401, "authentication_error", message)


def is_admin(path: str) -> bool:
    """Return whether a path is only for the people who run the server."""
    return path == COLLECTED or path.startswith(ADMIN)


def is_key(authorization: bytes, key: str, is_page: bool) -> bool:
    """Return whether a header holds a key, compared in constant time."""
    expected = key.encode()
    is_right = hmac.compare_digest(token_of(authorization), expected)
    return is_right or (is_page and hmac.compare_digest(password_of(authorization), expected))


def token_of(authorization: bytes) -> bytes:
    """Return the key of an Authorization header; empty if there is none.

    The case of the scheme's name does not matter. Source: RFC 9110, 11.1.
    """
    scheme, _, token = authorization.partition(b" ")
    return token.lstrip(b" ") if scheme.lower() == b"bearer" else b""


class AskPasswordError(RefusedError):
    """A page needs a key; the browser asks for it. Source: RFC 7617."""

    def __init__(self, is_admin: bool) -> None:
        kind = "admin key" if is_admin else "server's key"
        message = f"this page needs the {kind}, as the password; any user name will do."
        super().__init__(401, "authentication_error", message)
        # A browser keeps one password for each realm.
        self.realm = "Findtune admin" if is_admin else "Findtune"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {"WWW-Authenticate": f'Basic realm="{self.realm}", charset="UTF-8"'}


def password_of(authorization: bytes) -> bytes:
    """Return the password of an Authorization header; empty if there is none."""
    kind, _, encoded = authorization.partition(b" ")
    try:
        user_and_password = base64.b64decode(encoded if kind.lower() == b"basic" else b"")
    except binascii.Error:
        return b""
    return user_and_password.partition(b":")[2]
