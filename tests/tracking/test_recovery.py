"""dvc.lock is written atomically, and one that a kill has cut off is restored."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import dump_yaml, modify_yaml
from ruamel.yaml.representer import RepresenterError

from findtune.core.errors import InputError
from findtune.tracking.recovery import BROKEN, GOOD, atomic_writes, keep, restore

LOCK = Path("dvc.lock")
Tool = Callable[[str], str]


def declared() -> set[str]:
    """Return the stages of the tiny project's dvc.yaml."""
    return {"train@embedder-small", "evaluate@embedder-small", "stack@small"}


def stages_of(path: Path) -> set[str]:
    return set(yaml.safe_load(path.read_text())["stages"])


def cut(length: int) -> None:
    LOCK.write_bytes(LOCK.read_bytes()[:length])


def test_a_write_that_ends_half_way_leaves_the_old_lock(tiny_project: Path) -> None:
    before = LOCK.read_bytes()
    with atomic_writes(), pytest.raises(RepresenterError), modify_yaml("dvc.lock") as content:
        content["stages"]["new"] = object()  # which no YAML can hold
    assert LOCK.read_bytes() == before
    assert not list(Path().glob(".dvc.lock*"))


def test_a_lock_has_the_bytes_that_dvc_writes_and_a_copy(tiny_project: Path) -> None:
    content = yaml.safe_load(LOCK.read_text())
    dump_yaml("by_dvc.yaml", content)
    with atomic_writes():
        dump_yaml("dvc.lock", content)
    assert LOCK.read_bytes() == Path("by_dvc.yaml").read_bytes() == GOOD.read_bytes()


def test_a_lock_behind_a_symbolic_link_is_written_where_it_lies(tiny_project: Path) -> None:
    LOCK.rename("elsewhere.lock")
    LOCK.symlink_to("elsewhere.lock")
    with atomic_writes():
        dump_yaml("dvc.lock", {"schema": "2.0"})
    assert LOCK.is_symlink()
    assert Path("elsewhere.lock").read_text() == "schema: '2.0'\n"


def test_a_good_lock_is_kept_without_a_word(tiny_project: Path) -> None:
    assert list(restore(declared)) == []
    assert GOOD.read_bytes() == LOCK.read_bytes()


def test_a_lock_that_was_cut_anywhere_is_restored(tiny_project: Path) -> None:
    good = LOCK.read_bytes()
    keep(good.decode())
    for length in range(0, len(good) - 1, 29):
        cut(length)
        [line] = restore(declared)
        assert LOCK.read_bytes() == good, length
        assert "restored the last good one, with 3 stages" in line
        assert BROKEN.read_bytes() == good[:length]


@pytest.mark.parametrize("content", [b"\x00" * 4096, b"stages: [", b"schema: '2.0'\nstages:\n"])
def test_other_damage_is_restored_too(tiny_project: Path, content: bytes) -> None:
    good = LOCK.read_bytes()
    keep(good.decode())
    LOCK.write_bytes(content)
    assert len(list(restore(declared))) == 1
    assert LOCK.read_bytes() == good


def test_an_entry_that_is_lost_behind_a_whole_line_is_named(tiny_project: Path) -> None:
    good = LOCK.read_bytes()
    keep(good.decode())
    cut(good.index(b"  stack@"))
    [line] = restore(declared)
    assert line.startswith("dvc.lock has lost stack@small, as after a kill")
    assert LOCK.read_bytes() == good


def test_an_entry_that_dvc_yaml_has_no_longer_may_go(tiny_project: Path) -> None:
    good = LOCK.read_bytes()
    keep(good.decode())
    cut(good.index(b"  stack@"))
    assert list(restore(lambda: declared() - {"stack@small"})) == []
    assert GOOD.read_bytes() == LOCK.read_bytes() != good


def test_a_lock_that_git_has_is_right(tiny_project: Path, tool: Tool) -> None:
    keep(LOCK.read_text())
    cut(LOCK.read_bytes().index(b"  stack@"))
    tool("git commit --quiet --all --message=Older")
    assert list(restore(declared)) == []


def test_the_side_of_a_merge_that_was_taken_is_right_though_it_has_fewer_stages(
    tiny_project: Path, tool: Tool
) -> None:
    ours = LOCK.read_text()
    theirs = ours[: ours.index("  stack@")]
    keep(ours)
    blobs = []
    for text in (ours, theirs):
        LOCK.write_text(text)
        blobs.append(tool("git hash-object -w dvc.lock").strip())
    # The index of a merge that is in conflict has both sides, and no other version of the file.
    entries = [f"100644 {blob} {side}\tdvc.lock" for side, blob in enumerate(blobs, start=2)]
    tool("git rm --quiet --cached dvc.lock")
    subprocess.run(
        ["git", "update-index", "--index-info"], input="\n".join(entries), text=True, check=True
    )
    assert list(restore(declared)) == []
    assert LOCK.read_text() == theirs


def test_without_a_copy_the_lock_of_git_is_taken(tiny_project: Path) -> None:
    good = LOCK.read_bytes()
    cut(100)
    [line] = restore(declared)
    assert "restored the one in git" in line
    assert LOCK.read_bytes() == good


def test_the_copy_that_begins_like_the_broken_lock_is_taken(tiny_project: Path, tool: Tool) -> None:
    keep(LOCK.read_text())
    newer = LOCK.read_bytes().replace(b"md5: ", b"md5: 00000000")
    LOCK.write_bytes(newer)
    tool("git add dvc.lock")
    cut(400)
    [line] = restore(declared)
    assert "restored the one in git" in line
    assert LOCK.read_bytes() == newer


def test_without_any_copy_a_new_lock_is_begun(tiny_project: Path, tool: Tool) -> None:
    tool("git rm --quiet --cached dvc.lock")
    tool("git commit --quiet --message=Without")
    cut(100)
    [line] = restore(declared)
    assert "there is no copy of it; DVC starts a new one" in line
    assert not LOCK.exists()
    assert len(BROKEN.read_bytes()) == 100


def test_a_lock_that_was_deleted_is_not_brought_back(tiny_project: Path) -> None:
    keep(LOCK.read_text())
    LOCK.unlink()
    assert list(restore(declared)) == []
    assert not LOCK.exists()


def test_a_merge_conflict_is_left_to_people(tiny_project: Path) -> None:
    keep(LOCK.read_text())
    text = f"{LOCK.read_text()}<<<<<<< HEAD\n"
    LOCK.write_text(text)
    with pytest.raises(InputError, match=r"dvc.lock has the marks of a merge conflict; take one"):
        list(restore(declared))
    assert LOCK.read_text() == text


def test_a_project_outside_of_git_is_restored_from_the_copy(tiny_project: Path) -> None:
    good = LOCK.read_bytes()
    keep(good.decode())
    subprocess.run(["rm", "-rf", ".git"], check=True)
    cut(100)
    assert len(list(restore(declared))) == 1
    assert LOCK.read_bytes() == good
