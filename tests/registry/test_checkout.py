"""What is live is checked out as it was promoted, whatever lies in the folders now."""

import fcntl
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.registry import checkout
from findtune.registry.checkout import check_out_live
from findtune.registry.promotion import promote
from findtune.registry.tags import Assignment
from findtune.tracking.git import changed_files

Tool = Callable[[str], str]


@pytest.mark.slow
def test_the_files_of_the_live_version_are_checked_out_once(tiny_project: Path) -> None:
    promote(Path(), "stack", "prod", "small", force=False)
    before = {path.name: path.read_bytes() for path in Path("models/stack/small").iterdir()}
    shutil.rmtree("models/stack/small")
    folder = check_out_live(Path(), "stack", "prod", "small")
    files = {path.name: path.read_bytes() for path in (folder / "stack" / "small").iterdir()}
    assert files == before
    shutil.rmtree(".dvc/cache")
    assert check_out_live(Path(), "stack", "prod", "small") == folder


def test_a_version_is_fetched_by_one_server_at_a_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)
    live = Assignment("prod", "v1.0.0", "abc123def4567", day, "ada", "live", ends=False)
    monkeypatch.setattr(checkout, "assignments", lambda root, model: [live])
    monkeypatch.setattr(checkout, "artifact_path", lambda *_: "models/stack/small")
    fetched = []

    def fetch_locked(root: Path, path: str, version: Assignment, target: Path) -> None:
        folder = os.open(target.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):  # as another server would wait here
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(folder)
        target.mkdir()
        fetched.append(path)

    monkeypatch.setattr(checkout, "fetch", fetch_locked)
    folders = {check_out_live(tmp_path, "stack", "prod", "small") for _ in range(2)}
    assert folders == {tmp_path / ".scratch" / "live" / "abc123def456"}
    assert fetched == ["models/stack/small"]


def test_what_is_not_live_is_one_line(tiny_project: Path) -> None:
    with pytest.raises(InputError, match="no stack is live in prod; `make promote`"):
        check_out_live(Path(), "stack", "prod", "small")


@pytest.mark.slow
def test_a_project_in_a_larger_repository_is_promoted_and_checked_out(
    tiny_project: Path, tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(tiny_project, tmp_path / "all" / "the search")
    shutil.move(tmp_path / "all" / "the search" / ".git", tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all" / "the search")
    tool("git add --all ..")
    tool("git commit --quiet --message=Move")
    Path("../notes of others").write_text("not committed")
    assert changed_files(Path()) == []
    promote(Path(), "stack", "prod", "small", force=False)
    folder = check_out_live(Path(), "stack", "prod", "small")
    assert (folder / "stack/small/weights.txt").read_text() == "first weights\n"
    Path("judged.json").write_text("{}")
    assert "judged.json" in changed_files(Path())


def test_another_size_than_that_which_is_live_is_refused(tiny_project: Path) -> None:
    promote(Path(), "stack", "prod", "small", force=False)
    with pytest.raises(InputError, match="^models/stack/small is what is live in prod; .*SIZE="):
        check_out_live(Path(), "stack", "prod", "medium")


@pytest.mark.slow
def test_files_that_are_nowhere_are_one_line_and_leave_no_part(tiny_project: Path) -> None:
    promote(Path(), "stack", "prod", "small", force=False)
    shutil.rmtree(".dvc/cache")
    # not DVC's "Having any troubles?"
    reason = r"\([^?]* No such file or directory[^?]*\); `make push` where it was promoted"
    with pytest.raises(InputError, match=f"^DVC cannot get models/stack/small of v1.0.0 {reason}"):
        check_out_live(Path(), "stack", "prod", "small")
    assert not Path(".scratch/live").exists() or not [*Path(".scratch/live").rglob("small")]
