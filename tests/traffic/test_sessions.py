"""A user is a hash that nobody can make without the salt."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.traffic.sessions import SALT, hash_session, read_salt, stored_salt


def test_the_salt_of_a_folder_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    salt = read_salt(tmp_path / "served")
    assert len(salt) == 32
    assert read_salt(tmp_path / "served") == salt
    assert (tmp_path / "served" / SALT).stat().st_mode & 0o077 == 0
    assert read_salt(tmp_path / "other") != salt


def test_a_salt_can_be_read_without_making_one(tmp_path: Path) -> None:
    assert stored_salt(tmp_path) is None
    assert not [*tmp_path.iterdir()]
    salt = read_salt(tmp_path)
    assert stored_salt(tmp_path) == salt


@pytest.mark.parametrize("left", [b"", b"half of a salt"])
def test_a_salt_that_was_cut_off_names_nobody_and_is_one_line(tmp_path: Path, left: bytes) -> None:
    # With an empty key, everybody could compute the hash of a user, and the token of a form.
    (tmp_path / SALT).write_bytes(left)
    with pytest.raises(InputError, match=rf"\.salt has {len(left)} bytes.*delete it"):
        read_salt(tmp_path)
    assert (tmp_path / SALT).read_bytes() == left


def test_a_hash_groups_a_user_and_depends_on_the_salt() -> None:
    assert hash_session(b"salt", "ada") == hash_session(b"salt", "ada")
    assert len({hash_session(salt, user) for salt in (b"a", b"b") for user in ("ada", "eve")}) == 4
