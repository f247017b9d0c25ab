"""The last answer of DVC is given again for the same files only."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.health import gates
from findtune.health.gates import KEPT, stale_trained_stages
from findtune.health.last_answer import recall

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with a few files, one of them beside it behind a link."""
    project, outside = tmp_path / "project", tmp_path / "outside"
    for path in ("data/a.csv", ".dvc/config", ".venv/lib.py", "code/__pycache__/a.pyc"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("first")
    outside.mkdir()
    (outside / "b.csv").write_text("first")
    (project / "data/linked").symlink_to(outside)
    (project / "data/circle").symlink_to(project)
    (project / ".dvcignore").write_text("# read by nobody\n.venv\n__pycache__\ndata/*.tmp\n")
    monkeypatch.chdir(project)
    return project


def ask_again() -> bool:
    """Return whether the answer kept is not given."""
    asked = []
    recall(Path(".dvc/tmp/answer.json"), lambda: asked.append(1) or [])
    return bool(asked)


def edit_in_place(path: str) -> None:
    """Change a file, but neither its size nor its time."""
    with Path(path).open("r+") as file:
        file.write("f1rst")
    os.utime(path, LONG_AGO)


CHANGES: dict[str, Callable[[], object]] = {
    "an edit": lambda: Path("data/a.csv").write_text("second edition"),
    "an edit with the size and time of before": lambda: edit_in_place("data/a.csv"),
    "a new file": lambda: Path("data/new.csv").touch(),
    "a new folder": lambda: Path("data/new").mkdir(),
    "a file that is gone": lambda: Path("data/a.csv").unlink(),
    "another name": lambda: Path("data/a.csv").rename("data/c.csv"),
    "an edit behind a link": lambda: Path("../outside/b.csv").write_text("second edition"),
    "other settings of DVC": lambda: Path(".dvc/config").write_text("[core]"),
    "new settings of DVC": lambda: Path(".dvc/config.local").touch(),
    "a rule for what DVC reads": lambda: Path(".dvcignore").write_text(".venv\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_dvc_is_asked_after(folder: Path, change: Callable[[], object]) -> None:
    os.utime("data/a.csv", LONG_AGO)
    assert [ask_again(), ask_again()] == [True, False]
    change()
    assert [ask_again(), ask_again()] == [True, False]


def test_dvc_is_not_asked_after_changes_that_it_never_reads(folder: Path) -> None:
    ask_again()
    Path(".venv/lib.py").write_text("second edition")
    Path("code/__pycache__/b.pyc").touch()
    Path(".dvc/tmp/lock").touch()
    assert not ask_again()


def test_a_name_that_dvcignore_takes_back_counts(folder: Path) -> None:
    with Path(".dvcignore").open("a") as file:
        file.write("!.venv\n")
    ask_again()
    Path(".venv/lib.py").write_text("second edition")
    assert ask_again()


def test_an_answer_is_not_kept_if_files_changed_meanwhile(folder: Path) -> None:
    def change() -> list[str]:
        Path("data/a.csv").write_text("while DVC was asked")
        return ["old"]

    recall(Path(".dvc/tmp/answer.json"), change)
    assert ask_again()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"fingerprint": "other", "answer": []}'])
def test_a_kept_answer_that_is_none_is_not_given(folder: Path, content: str) -> None:
    ask_again()
    Path(".dvc/tmp/answer.json").write_text(content)
    assert ask_again()


def test_answers_are_those_of_dvc_before_and_after_an_edit(
    tiny_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stale_trained_stages() == []
    Path("weights.txt").write_text("edited, and not trained")
    stale = stale_trained_stages()
    assert "train@embedder-small is no longer up to date" in stale
    assert json.loads(KEPT.read_bytes())["answer"] == stale
    monkeypatch.setattr(gates, "open_repo", lambda: pytest.fail("DVC was asked"))
    assert stale_trained_stages() == stale


def test_a_link_in_the_data_that_leads_nowhere_is_one_line(tiny_project: Path) -> None:
    Path("data").mkdir()
    Path("data/linked.csv").symlink_to("gone.csv")
    pipeline = Path("dvc.yaml").read_text(encoding="utf-8")
    read = pipeline.replace("deps: [write.py, weights.txt]", "deps: [write.py, weights.txt, data]")
    Path("dvc.yaml").write_text(read, encoding="utf-8")
    with pytest.raises(InputError, match="linked.csv: No such file or directory; fix it, then try"):
        stale_trained_stages()
