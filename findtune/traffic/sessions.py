"""Who asked, as a salted hash: it groups the searches of one user, and names nobody.

The salt never leaves its folder. Without it nobody can try out which user has a hash.
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
    """Return the salt of a folder, which is made if there is none.

    Raises InputError for a file that holds none: with less of a salt users could be found out, and
    forms forged.
    """
    path = folder / SALT
    with exclusive(folder):
        if not path.exists():
            part = folder / f"{SALT}.part"
            part.unlink(missing_ok=True)  # of a kill
            part.touch(0o600)  # before it holds anything
            with part.open("wb") as file:
                file.write(secrets.token_bytes(BYTES))
                file.flush()
                os.fsync(file.fileno())  # or the name could outlive a power cut, and not the bytes
            part.replace(path)
    salt = path.read_bytes()
    if len(salt) != BYTES:
        raise InputError(
            f"{path} has {len(salt)} bytes, and a salt has {BYTES}; restore it, or delete it: then "
            "a new one is made, and users who come back count as new ones."
        )
    return salt


def hash_session(salt: bytes, user: str) -> str:
    """Return the hash under which the searches of a user, or of a browser, are kept."""
    return sign(salt, f"session {user}")[:DIGITS]


def sign(salt: bytes, text: str) -> str:
    """Return what only those who have the salt can compute of a text. Source: HMAC, RFC 2104."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()
