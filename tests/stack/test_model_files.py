"""A copied model has what is needed to use it, and a changed file is noticed by its name."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.stack.model_files import content_hash, copy_model, hash_files, refuse_changed


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def test_only_what_a_model_needs_is_copied(tmp_path: Path) -> None:
    needed = ("config.json", "model.safetensors", "retriever/model.safetensors")
    other = ("history.csv", "training.json", "before_refit/model.safetensors", "pickle.bin")
    write(tmp_path / "model", *needed, *other)
    copy_model(tmp_path / "model", tmp_path / "copy")
    copied = {path for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "copy").as_posix() for path in copied} == {*needed}


def test_a_flipped_byte_and_a_lost_file_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a.json", "b.json")
    files = hash_files(tmp_path, tmp_path.iterdir())
    refuse_changed(tmp_path, files, "get it again")
    (tmp_path / "b.json").write_text("b.jsoN", encoding="utf-8")
    with pytest.raises(InputError, match=r"b\.json has changed since it was written; get it again"):
        refuse_changed(tmp_path, files, "get it again")
    (tmp_path / "a.json").unlink()
    with pytest.raises(InputError, match=r"there is no .*a\.json; get it again"):
        refuse_changed(tmp_path, files, "get it again")


def test_the_hash_of_a_model_depends_on_contents_and_names_but_not_on_order() -> None:
    assert content_hash({"a": "1", "b": "2"}) == content_hash({"b": "2", "a": "1"})
    assert content_hash({"a": "1"}) != content_hash({"a": "2"}) != content_hash({"b": "2"})
