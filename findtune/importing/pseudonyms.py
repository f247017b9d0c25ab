"""Pseudonyms of users and sessions: no id of a person is written anywhere.

A keyed hash (HMAC-SHA256, RFC 2104) keeps the records of one session together. The key stays on
this machine; without it, nobody can find the user of a hash by hashing known ids.
"""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import atomic_open, locked_folder

KEY_BYTES = 32
HASH_CHARS = 16


class Pseudonyms:
    """Hashes the ids of people with this project's key."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def name(self, *ids: object) -> str:
        """Return the hash of a person's ids; "" without ids."""
        texts = [str(each) for each in ids if each not in (None, "")]
        if not texts:
            return ""
        message = "\0".join(texts).encode("utf-8", "replace")
        return hmac.new(self.key, message, sha256).hexdigest()[:HASH_CHARS]

    def session(self, kind: str, key: str) -> str:
        """Return the pseudonym of a session of some kind; "" for one without an id.

        The kind alone would make one session of all that have no id.
        """
        return self.name(kind, key) if key else ""


def load_pseudonyms(path: Path) -> Pseudonyms:
    """Return pseudonyms with the key in a file; make a new key if there is none."""
    with locked_folder(path.parent):  # so that two simultaneous first imports make one key
        if not path.exists():
            with atomic_open(path) as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
    try:
        key = bytes.fromhex(path.read_text(encoding="utf-8").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:  # with a shorter key, people could be identified
        raise InputError(f"{path} is not a valid key; delete it to get a new one.")
    return Pseudonyms(key)


def record_id(source: str, *ids: object) -> str:
    """Return the id of an imported record; the same record always gets the same id."""
    message = "\0".join([source, *map(str, ids)]).encode("utf-8", "replace")
    return f"{source}-{sha256(message).hexdigest()[:HASH_CHARS]}"
