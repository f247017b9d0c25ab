"""The pipeline is current, or what is missing and what would run again is named."""

import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from findtune.health.pipeline import check_pipeline, judge_pipeline, without_incomplete
from findtune.tracking.hashing import file_hashes, folder_md5
from findtune.tracking.lock import LockedStage, read_lock


def lines() -> list[str]:
    return [finding.line() for finding in check_pipeline(Repo(), read_lock())]


def test_a_finished_pipeline_is_up_to_date(tiny_project: Path) -> None:
    assert lines() == ["ok    pipeline  every stage is up to date"]


def test_an_edit_makes_stale_what_reads_the_file(tiny_project: Path) -> None:
    Path("judged.json").write_text("{}")
    [line] = lines()
    assert "no longer up to date: evaluate@embedder-small, stack@small: `make train`" in line


def test_a_clone_without_data_is_incomplete_but_not_stale() -> None:
    missing = {"changed deps": {"models/a": "deleted"}}
    status = {"evaluate": [missing, {"changed outs": {"metrics/a.json": "not in cache"}}]}
    [finding] = judge_pipeline(status)
    assert (finding.status, finding.text) == ("warn", "missing: metrics/a.json")


@pytest.mark.parametrize(("name", "usable"), [("the first", True), ("für alle", False)])
def test_a_second_worktree_is_told_of_the_cache_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, usable: bool
) -> None:
    first, second = tmp_path / name, tmp_path / "second"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(first)]
    subprocess.run(["git", "init", "--quiet", str(first)], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "Start"], check=True)
    subprocess.run([*git, "worktree", "add", "--quiet", str(second)], check=True)
    (first / ".dvc/cache").mkdir(parents=True)
    remedies = {}
    for folder in (first, second):
        monkeypatch.chdir(folder)
        [finding] = judge_pipeline({"a": [{"changed outs": {"models/a": "deleted"}}]})
        remedies[folder] = finding.remedy
    assert "cache dir" not in remedies[first]
    command = f"`dvc cache dir --local '{first}/.dvc/cache' && dvc checkout`"
    assert (command in remedies[second]) == usable  # DVC can write down no letter such as ü


def test_a_changed_command_and_changed_params_are_stale() -> None:
    params = {"changed deps": {"params.yaml": {"seed": "modified"}}}
    [finding] = judge_pipeline({"a": ["changed command"], "b": [params]})
    assert finding.text == "no longer up to date: a, b"


def test_a_folder_of_missing_outputs_is_judged_as_if_they_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("clean")
    folder.mkdir()
    (folder / "a.txt").write_text("made by a stage")
    (folder / "notes").write_text("kept by git")
    files = file_hashes(folder)
    made = LockedStage({}, {"clean/a.txt": files["a.txt"]})
    status = {"read": [{"changed deps": {"clean": "modified"}}]}
    (folder / "a.txt").unlink()
    (folder / ".gitignore").write_text("/a.txt")
    for recorded, stale in ((folder_md5(files), 0), ("0" * 32 + ".dir", 1)):
        stages = {"make": made, "read": LockedStage({"clean": recorded}, {})}
        findings = judge_pipeline(without_incomplete(status, stages))
        assert [finding.status for finding in findings] == [("ok", "warn")[stale]]
