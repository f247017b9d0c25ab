"""What is live is checked out as it was promoted, whatever lies in the folders now."""

import shutil
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.registry.checkout import check_out_live
from findtune.registry.promotion import promote


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
