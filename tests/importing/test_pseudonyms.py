"""Pseudonyms: one person has one name, which nobody can find out without the key."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.importing.pseudonyms import Pseudonyms, load_pseudonyms, record_id


def test_one_person_has_one_name_in_all_imports_of_a_project(tmp_path: Path) -> None:
    key = tmp_path / ".import_key"
    first, second = load_pseudonyms(key), load_pseudonyms(key)
    assert first.name("user", "ann") == second.name("user", "ann")
    assert first.name("user", "ann") != first.name("user", "ben")
    assert key.stat().st_mode & 0o077 == 0  # others may not read it


def test_another_key_gives_other_names_and_nobody_has_none() -> None:
    assert Pseudonyms(b"1").name("ann") != Pseudonyms(b"2").name("ann")
    assert Pseudonyms(b"1").name("", None) == ""


def test_the_id_of_a_record_needs_no_key() -> None:
    assert record_id("ubi", "q1") == record_id("ubi", "q1")
    assert record_id("ubi", "a", "b") != record_id("ubi", "ab")


@pytest.mark.parametrize("content", ["no hex", "", "00ff"])
def test_a_broken_key_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="is not a valid key"):
        load_pseudonyms(tmp_path / "key")
