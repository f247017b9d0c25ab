"""What is live is checked out as it was promoted, whatever lies in the folders now."""

import fcntl
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.registry import checkout
from findtune.registry.checkout import check_out_live
from findtune.registry.promotion import promote
from findtune.registry.tags import Assignment


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
    with pytest.raises(InputError, match="nothing of stack is live in prod; `make promote`"):
        check_out_live(Path(), "stack", "prod", "small")


@pytest.mark.slow
def test_files_that_are_nowhere_are_one_line_and_leave_no_part(tiny_project: Path) -> None:
    promote(Path(), "stack", "prod", "small", force=False)
    shutil.rmtree(".dvc/cache")
    with pytest.raises(InputError, match="DVC cannot get models/stack/small of v1.0.0"):
        check_out_live(Path(), "stack", "prod", "small")
    assert not Path(".scratch/live").exists() or not [*Path(".scratch/live").rglob("small")]
