"""The manifest of a model folder names every file that is not what was written."""

import os
import subprocess
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.core.manifest import MANIFEST, problems, refuse_damaged, write_manifest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a folder of two files and its manifest."""
    (tmp_path / "part").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "part" / "weights of é.safetensors").write_bytes(bytes(range(256)))
    write_manifest(tmp_path)
    return tmp_path


def test_a_folder_as_it_was_written_passes_and_sha256sum_agrees(model: Path) -> None:
    refuse_damaged(model)
    assert subprocess.run(["sha256sum", "--check", "--quiet", MANIFEST], cwd=model).returncode == 0


def test_a_bit_that_flipped_under_the_same_size_and_time_is_named(model: Path) -> None:
    path = model / "part" / "weights of é.safetensors"
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(InputError, match=r"weights of é.* has changed since it was written; `make"):
        refuse_damaged(model)


def test_a_file_more_and_a_file_less_are_named(model: Path) -> None:
    (model / "config.json").rename(model / "other.json")
    assert [*problems(model)] == [
        f"there is no {model / 'config.json'}",
        f"{model / 'other.json'} is not in {MANIFEST}",
    ]


@pytest.mark.parametrize("content", ["", "not a hash  config.json\n", "\udcff"])
def test_a_manifest_that_is_broken_is_no_manifest(model: Path, content: str) -> None:
    (model / MANIFEST).write_text(content, encoding="utf-8", errors="surrogateescape")
    assert [*problems(model)] == [f"{model / MANIFEST} is broken"]


def test_a_folder_without_a_manifest_is_refused(model: Path) -> None:
    (model / MANIFEST).unlink()
    with pytest.raises(InputError, match="there is no .*SHA256SUMS"):
        refuse_damaged(model)


def test_a_manifest_with_one_broken_line_is_broken(model: Path) -> None:
    with (model / MANIFEST).open("a") as file:
        file.write("cut of")
    assert [*problems(model)] == [f"{model / MANIFEST} is broken"]


def test_every_digit_of_a_hash_is_compared(model: Path) -> None:
    first, *others = (model / MANIFEST).read_text().splitlines()
    last = "0" if first[63] != "0" else "1"
    lines = [first[:63] + last + first[64:], *others]
    (model / MANIFEST).write_text("".join(f"{line}\n" for line in lines))
    assert [*problems(model)] == [f"{model / 'config.json'} has changed since it was written"]


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", ".gitignore", ".nfs0001"])
def test_what_desktops_disks_and_dvc_write_into_a_folder_is_no_damage(
    model: Path, name: str
) -> None:
    (model / "part" / name).write_text("")
    refuse_damaged(model)
