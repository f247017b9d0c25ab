"""What git does not say is no answer."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.tracking.git import changed_files, commit_hash, run_git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository without a commit."""
    assert run_git(tmp_path, "init", "--quiet").returncode == 0
    return tmp_path


def test_a_status_that_git_does_not_give_is_no_clean_folder(repository: Path) -> None:
    assert changed_files(repository) == []
    (repository / ".git" / "index").write_bytes(b"cut off")
    with pytest.raises(InputError, match="^git can't say what has changed: .*index"):
        changed_files(repository)


def test_a_name_that_is_no_commit_is_no_training_that_was_not_committed(repository: Path) -> None:
    with pytest.raises(InputError, match="^git knows no commit mian here; name a branch, a tag or"):
        commit_hash(repository, "mian")
    with pytest.raises(InputError, match="no commit HEAD here; commit what you trained first"):
        commit_hash(repository)
