"""Only a model whose committed measures are its own, and good, becomes live."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.registry import tags
from findtune.registry.history import history_table
from findtune.registry.promotion import Change, promote, rollback

HERE = Path()
Tool = Callable[[str], str]


@pytest.fixture(autouse=True)
def _no_waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tags of one second be ordered by their counters; only DVC needs their seconds."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(tags, "wait_for_next_second", lambda history: None)


@pytest.fixture
def retrain(tool: Tool) -> Callable[..., None]:
    """Return the function that trains on other data with another result, and commits that."""

    def train(weights: str, **judged: Any) -> None:
        path = Path("judged.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), **judged}, indent=1))
        Path("weights.txt").write_text(weights)
        tool("dvc repro --quiet")
        tool("git add --all")
        tool("git commit --quiet --message=Again")

    return train


def promoted(model: str = "stack", size: str = "small", *, force: bool = False) -> Change:
    return promote(HERE, model, "prod", size, force=force)


def tag_names(tool: Tool) -> list[str]:
    return tool("git tag").split()


def test_a_win_gets_a_version_and_is_live(tiny_project: Path, tool: Tool) -> None:
    change = promoted()
    assert change.tags == ("stack@v1.0.0", "stack#prod#1")
    assert tag_names(tool) == ["stack#prod#1", "stack@v1.0.0"]
    assert change.measured == "ndcg@10 0.5000 -> 0.7500, +0.2500 [+0.2000, +0.3000], WIN"
    assert "ndcg@10 0.5000 -> 0.7500" in tool("git tag --list --format=%(contents) stack#prod#1")


def test_a_model_that_is_not_what_its_training_wrote_is_refused(
    tiny_project: Path, tool: Tool
) -> None:
    for path in Path("models").glob("*/small/weights.txt"):
        path.unlink()
        path.write_text("a bit flipped before DVC took the md5")
    tool("dvc commit --force --quiet")
    tool("git commit --quiet --all --message=Commit")
    with pytest.raises(InputError, match="weights.txt has changed since it was written"):
        promoted()
    assert tag_names(tool) == []


def test_what_is_live_already_is_not_promoted_again(tiny_project: Path) -> None:
    promoted()
    with pytest.raises(InputError, match=r"stack v1\.0\.0 is live in prod already"):
        promoted()


def test_the_same_bytes_and_measures_stay_one_version(tiny_project: Path, tool: Tool) -> None:
    promoted()
    Path("notes.md").write_text("nothing about models")
    tool("git add --all")
    tool("git commit --quiet --message=Note")
    assert promote(HERE, "stack", "staging", "small", force=False).tags == ("stack#staging#2",)


def test_each_model_has_versions_of_its_own(tiny_project: Path) -> None:
    promoted()
    assert promoted("embedder").tags == ("embedder@v1.0.0", "embedder#prod#1")


def test_a_regression_is_refused_even_with_force(
    tiny_project: Path, retrain: Callable[..., None], tool: Tool
) -> None:
    retrain("shuffled weights", verdict="REGRESSION")
    for force in (False, True):
        with pytest.raises(InputError, match="worse than what needs no tuning: ndcg@10 0.5"):
            promoted(force=force)
    assert tag_names(tool) == []


def test_an_inconclusive_model_needs_force_and_the_tag_says_so(
    tiny_project: Path, retrain: Callable[..., None], tool: Tool
) -> None:
    retrain("weights", verdict="INCONCLUSIVE")
    with pytest.raises(InputError, match="not surely better: .*FORCE=1"):
        promoted()
    promoted(force=True)
    assert "promoted with FORCE=1" in tool("git tag --list --format=%(contents) stack#prod#1")


@pytest.mark.parametrize("force", [False, True])
def test_what_stands_in_for_a_model_is_refused_in_a_line(
    tiny_project: Path, tool: Tool, force: bool
) -> None:
    Path("judged.json").write_text("{}\n")  # the measures that the stage `skip` writes
    tool("dvc repro --quiet")
    tool("git commit --quiet --all --message=Skip")
    with pytest.raises(InputError, match="^models/embedder/small is no model; `models` in .*it.$"):
        promoted("embedder", force=force)
    assert tag_names(tool) == []


@pytest.mark.parametrize("name", ["metrics/stack/small.json", "dvc.lock", "new.csv"])
def test_what_is_not_committed_is_refused_by_name(tiny_project: Path, name: str) -> None:
    with Path(name).open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=f"{re.escape(name)} differ from the last commit"):
        promoted()


def test_a_lock_that_git_does_not_keep_is_refused(tiny_project: Path, tool: Tool) -> None:
    tool("git rm --quiet --cached dvc.lock")
    Path(".gitignore").write_text("dvc.lock\n")
    tool("git add .gitignore")
    tool("git commit --quiet --message=Ignore")
    with pytest.raises(InputError, match=r"commit \w{7} has no dvc.lock; `git add dvc.lock`"):
        promoted()


def commit_edit(path: str, old: str, new: str, tool: Tool) -> None:
    """Replace the first occurrence of a text in a committed file."""
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))
    tool(f"git commit --quiet --message=Edit {path}")


def test_measures_that_were_edited_by_hand_are_refused(tiny_project: Path, tool: Tool) -> None:
    commit_edit("metrics/stack/small.json", "0.75", "0.95", tool)
    with pytest.raises(InputError, match=r"metrics/stack/small.json is not what its stage wrote"):
        promoted()


def test_measures_of_other_weights_are_refused(tiny_project: Path, tool: Tool) -> None:
    Path("weights.txt").write_text("trained again, but not evaluated again")
    tool("dvc repro --quiet train@embedder-small")
    tool("git commit --quiet --all --message=Half")
    for model in ("embedder", "stack"):
        with pytest.raises(InputError, match="does not belong to .*: models/embedder/small has ch"):
            promoted(model)


def test_a_model_here_with_other_bytes_is_refused(tiny_project: Path) -> None:
    Path("models/stack/small/weights.txt").write_text("other bytes")
    with pytest.raises(InputError, match="does not have the bytes that were measured"):
        promoted()
    shutil.rmtree("models/stack/small")
    with pytest.raises(InputError, match="no models/stack/small here; `make pull` fetches it"):
        promoted()


def test_another_size_and_another_model_are_refused(tiny_project: Path) -> None:
    with pytest.raises(InputError, match="artifact stack is models/stack/small; .* put medium"):
        promoted(size="medium")
    with pytest.raises(InputError, match="no artifact parser; its artifacts are embedder, stack"):
        promoted("parser")


def test_a_rollback_goes_back_one_promotion_at_a_time(
    tiny_project: Path, retrain: Callable[..., None]
) -> None:
    for weights in ("first", "second", "third"):
        retrain(weights)
        promoted()
    assert rollback(HERE, "stack", "prod").version == "v1.1.0"
    change = rollback(HERE, "stack", "prod")
    assert (change.version, change.before) == ("v1.0.0", "v1.1.0")
    assert change.tags == ("stack#prod#5",)
    with pytest.raises(InputError, match=r"v1\.0\.0 of stack is live in prod, and nothing was be"):
        rollback(HERE, "stack", "prod")


def test_a_rollback_needs_no_clean_folder(tiny_project: Path, retrain: Callable[..., None]) -> None:
    promoted()
    retrain("second")
    promoted()
    Path("weights.txt").write_text("being edited")
    assert rollback(HERE, "stack", "prod").version == "v1.0.0"


def test_the_history_tells_what_was_live_until_when(
    tiny_project: Path, retrain: Callable[..., None]
) -> None:
    promoted()
    retrain("second", decisive={"base": 0.5, "tuned": 0.875})
    promoted()
    rollback(HERE, "stack", "prod")
    rows = [line.split(" | ") for line in history_table(HERE, ["stack"]).splitlines()[2:]]
    assert [row[2] for row in rows] == ["v1.0.0 (rollback)", "v1.1.0", "v1.0.0"]
    assert [row[5] == "now" for row in rows] == [True, False, False]
    assert "0.5000 -> 0.8750" in rows[1][6]
    assert "0.5000 -> 0.7500" in rows[2][6]
    assert rows[0][7] == "Somebody |"


def test_what_gto_took_down_is_no_longer_live(
    tiny_project: Path, retrain: Callable[..., None]
) -> None:
    from gto.api import unassign

    promoted()
    retrain("second")
    promoted()
    unassign(".", "stack", stage="prod", version="v1.1.0")
    live = tags.live_versions(tags.assignments(HERE, "stack"))
    assert [assignment.version for assignment in live] == ["v1.0.0"]


def test_gto_reads_the_tags(tiny_project: Path) -> None:
    from gto.api import find_versions_in_stage

    promoted()
    [version] = find_versions_in_stage(".", "stack", "prod")
    assert version.version == "v1.0.0"


@pytest.mark.slow
def test_dvc_gets_the_bytes_that_are_live(
    tiny_project: Path, tmp_path: Path, retrain: Callable[..., None], tool: Tool
) -> None:
    tool("dvc remote add --default shared ../shared")
    tool("git commit --quiet --all --message=Remote")
    promoted()
    retrain("second weights")
    promoted()
    tool("dvc push --quiet --all-commits")
    subprocess.run(["git", "clone", "--quiet", ".", str(tmp_path / "clone")], check=True)
    rollback(HERE, "stack", "prod")
    cases = (
        (".", "--stage prod", "first weights\n"),
        (".", "--rev v1.1.0", "second weights"),
        (str(tmp_path / "clone"), "--stage prod", "second weights"),
        (str(tmp_path / "clone"), "", "second weights"),
    )
    for number, (source, options, expected) in enumerate(cases):
        tool(f"dvc artifacts get {source} stack {options} --out {tmp_path}/{number}")
        assert (tmp_path / str(number) / "weights.txt").read_text() == expected
