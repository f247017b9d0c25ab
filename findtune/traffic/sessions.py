"""Who asked, as a salted hash: it groups the searches of one user and names nobody.

The salt never leaves its folder. Without it, nobody can test which user a hash belongs to.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from findtune.core.errors import InputError
from findtune.traffic.log import exclusive

SALT = ".salt"
BYTES = 32
DIGITS = 16  # of a hash, in hex


def read_salt(folder: Path) -> bytes:
    """Return the salt of a folder; make one if there is none.

    Raises InputError as `stored_salt` does.
    """
    path = folder / SALT
    with exclusive(folder):
        if not path.exists():
            part = folder / f"{SALT}.part"
            part.unlink(missing_ok=True)  # left by a killed process
            part.touch(0o600)  # permissions before content
            with part.open("wb") as file:
                file.write(secrets.token_bytes(BYTES))
                file.flush()
                os.fsync(file.fileno())  # or a power cut could keep the name without the bytes
            part.replace(path)
    salt = stored_salt(folder)
    assert salt is not None
    return salt


def stored_salt(folder: Path) -> bytes | None:
    """Return the salt of a folder; None if there is none.

    Raises InputError for a file of another length: with a shorter salt, users could be identified
    and forms forged.
    """
    path = folder / SALT
    if not path.exists():
        return None
    salt = path.read_bytes()
    if len(salt) != BYTES:
        raise InputError(
            f"{path} has {len(salt)} bytes, but a salt has {BYTES}; restore it, or delete it to "
            "get a new one (returning users then count as new users)."
        )
    return salt


def hash_session(salt: bytes, user: str) -> str:
    """Return the hash that stands for a user, or a browser, in the records."""
    return sign(salt, f"session {user}")[:DIGITS]


def sign(salt: bytes, text: str) -> str:
    """Return the HMAC-SHA256 of a text, keyed with the salt. Source: RFC 2104."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()
