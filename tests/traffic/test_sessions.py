"""A user is a hash that nobody can make without the salt."""

from pathlib import Path

from findtune.traffic.sessions import SALT, hash_session, read_salt


def test_the_salt_of_a_folder_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    salt = read_salt(tmp_path / "served")
    assert len(salt) == 32
    assert read_salt(tmp_path / "served") == salt
    assert (tmp_path / "served" / SALT).stat().st_mode & 0o077 == 0
    assert read_salt(tmp_path / "other") != salt


def test_a_hash_groups_a_user_and_depends_on_the_salt() -> None:
    assert hash_session(b"salt", "ada") == hash_session(b"salt", "ada")
    assert len({hash_session(salt, user) for salt in (b"a", b"b") for user in ("ada", "eve")}) == 4
