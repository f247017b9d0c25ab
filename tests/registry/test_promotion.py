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
from findtune.registry.evidence import md5
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
    again = promote(HERE, "stack", "staging", "small", force=False)
    # Nobody may have published the version yet.
    assert again.tags == ("stack@v1.0.0", "stack#staging#2")


def test_each_model_has_versions_of_its_own(tiny_project: Path) -> None:
    promoted()
    assert promoted("embedder").tags == ("embedder@v1.0.0", "embedder#prod#1")


def test_a_regression_is_refused_even_with_force(
    tiny_project: Path, retrain: Callable[..., None], tool: Tool
) -> None:
    retrain("shuffled weights", verdict="REGRESSION")
    for force in (False, True):
        with pytest.raises(InputError, match="worse than no tuning: ndcg@10 0.5"):
            promoted(force=force)
    assert tag_names(tool) == []


def test_an_inconclusive_model_needs_force_and_the_tag_says_so(
    tiny_project: Path, retrain: Callable[..., None], tool: Tool
) -> None:
    retrain("weights", verdict="INCONCLUSIVE")
    with pytest.raises(InputError, match="not clearly better: .*FORCE=1"):
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
    with pytest.raises(InputError, match=f"changed since the last commit: {re.escape(name)};"):
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
    assert change.tags == ("stack@v1.0.0", "stack#prod#5")
    with pytest.raises(
        InputError, match=r"v1\.0\.0 of stack is live in prod, and no version was be"
    ):
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


def tag(names: str, tool: Tool, commit: str = "HEAD") -> None:
    """Write tags as another tool, or another machine, would."""
    for name in names.split():
        tool(f"git tag --annotate --message=Tag {name} {commit}")


def test_a_version_that_was_taken_down_earlier_leaves_the_live_one(
    tiny_project: Path, tool: Tool
) -> None:
    tag("stack@v1.0.0 stack#prod#1", tool)
    tool("git commit --quiet --allow-empty --message=Again")
    tag("stack@v1.1.0 stack#prod#2", tool)
    tag("stack#prod!#3", tool, "HEAD~1")
    live = tags.live_versions(tags.assignments(HERE, "stack"))
    assert [assignment.version for assignment in live] == ["v1.1.0"]
    rows = [line.split(" | ") for line in history_table(HERE, ["stack"]).splitlines()[2:]]
    assert [(row[2], row[5] == "now") for row in rows] == [("v1.1.0", True), ("v1.0.0", False)]
    with pytest.raises(
        InputError, match=r"v1\.1\.0 of stack is live in prod, and no version was bef"
    ):
        rollback(HERE, "stack", "prod")


@pytest.mark.parametrize("change", [promoted, lambda: rollback(HERE, "stack", "prod")])
def test_a_tag_of_the_future_is_refused_since_what_is_live_has_the_youngest(
    tiny_project: Path,
    tool: Tool,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[], object],
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2099-06-01T12:00:00 +0000")  # a wrong clock
    tag("stack@v1.0.0 stack#prod#1", tool)
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    with pytest.raises(InputError, match=r"stack is dated 2099-06-01 .* correct the clock"):
        change()
    assert tag_names(tool) == ["stack#prod#1", "stack@v1.0.0"]


@pytest.mark.parametrize("stage", ["my prod", "prod!", ""])
def test_a_name_that_is_no_stage_is_refused_before_a_tag_is_written(
    tiny_project: Path, tool: Tool, stage: str
) -> None:
    with pytest.raises(InputError, match=f"Invalid value '{stage}'. Only letters, numbers"):
        promote(HERE, "stack", stage, "small", force=False)
    assert tag_names(tool) == []


def test_tags_that_gto_cannot_read_are_one_line(tiny_project: Path, tool: Tool) -> None:
    tag("stack@v1.0.0 stack@v7.0.0", tool)
    with pytest.raises(InputError, match="Multiple versions are not allowed on the same Git com"):
        promoted()


def test_a_shallow_clone_which_may_lack_tags_is_refused(
    tiny_project: Path, tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(f"git clone --quiet --depth 1 {tiny_project.as_uri()} {tmp_path}/shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    for model in ("stack", "embedder"):
        with pytest.raises(InputError, match="is shallow, .*`git fetch --unshallow --tags`"):
            promoted(model)
        with pytest.raises(InputError, match="is shallow, "):
            rollback(HERE, model, "prod")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", ""),
        ("params.yaml", "seed: 13\n"),
        ("dvc.yaml", "artifacts: [\n"),
        ("dvc.yaml", "artifacts: {stack: {}}\n"),
        ("metrics/stack/small.json", '{"verdict": "WIN"}\n'),
    ],
)
def test_a_version_of_an_older_form_is_no_obstacle_and_the_history_says_so(
    tiny_project: Path, tool: Tool, name: str, text: str
) -> None:
    kept = Path(name).read_text(), Path("dvc.lock").read_text()
    lock = kept[1].replace(md5(Path(name).read_bytes()), md5(text.encode()))
    for content, locked in ((text, lock), kept):
        Path(name).write_text(content)
        Path("dvc.lock").write_text(locked)
        tool("git commit --quiet --all --message=Form")
    tag("stack@v0.1.0 stack#prod#1", tool, "HEAD~1")
    assert promoted().version == "v0.2.0"
    assert "| v0.1.0 | " in history_table(HERE, ["stack"]).splitlines()[-1]
    assert "no measures: " in history_table(HERE, ["stack"])


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
