"""doctor prints one line for each check and ends with 1 if one fails."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import doctor
from findtune.health.finding import Finding


@pytest.fixture(autouse=True)
def _this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what depends on the machine that runs the tests."""
    for name in ("disk", "memory", "hardware"):
        finding = Finding(name, "ok", "enough")
        monkeypatch.setattr(doctor, f"check_{name}", lambda *_, result=finding: result)


def test_a_finished_project_is_healthy(tiny_project: Path) -> None:
    result = CliRunner().invoke(doctor.main)
    assert result.exit_code == 0, result.output
    checks = "python disk memory hardware git locks remote pipeline bases outputs manifests cache"
    assert " ".join(line.split()[1] for line in result.stdout.splitlines()) == checks


def test_a_flipped_byte_fails_with_the_name_of_the_file(tiny_project: Path) -> None:
    Path("models/stack/small/weights.txt").write_text("other bytes")
    result = CliRunner().invoke(doctor.main)
    assert result.exit_code == 1
    assert "fail  outputs   models/stack/small/weights.txt differs from dvc.lock" in result.stdout


def test_outside_of_a_project_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(doctor.main)
    assert result.exit_code == 1
    assert "this is not a DVC repository" in result.stderr


def test_a_project_that_was_copied_without_git_is_named_and_no_traceback(
    tiny_project: Path,
) -> None:
    shutil.rmtree(".git")
    result = CliRunner().invoke(doctor.main)
    assert result.exit_code == 1
    assert "`git clone` the project instead of copying it" in result.stdout
    assert result.stderr.startswith("Error: this folder is in no git repository; run: git init")
