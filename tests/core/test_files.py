"""A file is written completely or not at all, and the same values give the same bytes."""

import errno
from pathlib import Path

import numpy as np
import pytest

from findtune.core.files import (
    atomic_folder,
    atomic_open,
    read_json,
    read_jsonl,
    write_json,
    write_jsonl,
)
from findtune.core.records import read_kind


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "metrics.json"
    write_json(path, {"old": 1})
    with pytest.raises(OSError, match="disk full"), atomic_open(path) as file:
        file.write("half of it")
        raise OSError("disk full")
    assert read_json(path) == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    with pytest.raises(OSError) as error, atomic_open(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(path)


def test_a_part_that_cannot_be_opened_is_named_as_the_file(tmp_path: Path) -> None:
    (tmp_path / ".metrics.json.part").mkdir()
    with pytest.raises(IsADirectoryError) as error, atomic_open(tmp_path / "metrics.json"):
        pass
    assert error.value.filename == str(tmp_path / "metrics.json")


def test_a_folder_is_written_completely_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "models" / "small"
    with atomic_folder(path) as part:
        (part / "old").touch()
    with pytest.raises(OSError, match="disk full"), atomic_folder(path) as part:
        (part / "new").touch()
        raise OSError("disk full")
    assert [*path.parent.rglob("*")] == [path, path / "old"]
    with atomic_folder(path) as part:
        (part / "new").touch()
        assert (path / "old").exists()
    assert [*path.parent.rglob("*")] == [path, path / "new"]


def test_json_has_sorted_keys_and_rounded_numbers(tmp_path: Path) -> None:
    values = {"b": [np.float32(1 / 3), -0.00001, 2, True], "a": {"é": (0.123456,)}}
    write_json(tmp_path / "x.json", values)
    text = (tmp_path / "x.json").read_bytes().decode()
    assert "".join(text.split()) == '{"a":{"é":[0.1235]},"b":[0.3333,0.0,2,true]}'
    assert text.endswith("}\n")


def test_records_of_one_kind_keep_their_order(tmp_path: Path) -> None:
    records = [{"kind": kind, "text": f"{number}\n\u2028é"} for number, kind in enumerate("aba")]
    write_jsonl(tmp_path / "x.jsonl", records)
    assert read_jsonl(tmp_path / "x.jsonl") == records
    assert read_kind(tmp_path / "x.jsonl", "a") == [records[0], records[2]]


def test_a_link_to_a_folder_on_another_disk_stays_a_link(tmp_path: Path) -> None:
    disk, link = tmp_path / "disk" / "small", tmp_path / "small"
    disk.mkdir(parents=True)
    link.symlink_to(disk)
    with atomic_folder(link) as part:
        (part / "weights").write_text("new")
    assert link.is_symlink()
    assert (disk / "weights").read_text() == "new"
    assert [path.name for path in disk.parent.iterdir()] == ["small"]


def test_a_complete_folder_that_cannot_get_its_name_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(PermissionError), atomic_folder(tmp_path / "small") as part:
        (part / "weights").write_text("new")
    assert (tmp_path / ".small.part" / "weights").read_text() == "new"
