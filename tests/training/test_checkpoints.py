"""A checkpoint is used only if it is complete, undamaged and of the same inputs."""

from pathlib import Path

import pytest

from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints, key_of, open_checkpoints


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def checkpoints(tmp_path: Path, lines: list[str]) -> Checkpoints:
    return open_checkpoints(tmp_path / "embedder-small", "key", lines.append).phase("tuning")


def write(checkpoints: Checkpoints, name: str) -> None:
    with checkpoints.write(name) as folder:
        (folder / "weights").write_text(name)


def latest(checkpoints: Checkpoints) -> str | None:
    path = checkpoints.latest()
    return path and path.name


def test_the_last_checkpoint_is_used_and_the_ones_before_are_removed(
    checkpoints: Checkpoints, lines: list[str]
) -> None:
    assert latest(checkpoints) is None
    for name in ("step-9", "step-10", "end"):
        write(checkpoints, name)
        assert latest(checkpoints) == name
    assert checkpoints.folder
    assert [path.name for path in checkpoints.folder.iterdir()] == ["end"]
    assert latest(checkpoints.phase("refit")) is None
    assert lines == []


def test_of_two_checkpoints_that_a_kill_left_the_later_is_used(checkpoints: Checkpoints) -> None:
    write(checkpoints, "step-9")
    assert checkpoints.folder
    earlier = checkpoints.folder.rename(checkpoints.folder.with_name("aside"))
    write(checkpoints, "step-10")
    (earlier / "step-9").rename(checkpoints.folder / "step-9")
    assert latest(checkpoints) == "step-10"
    (checkpoints.folder / "step-10" / "weights").write_text("flipped")
    assert latest(checkpoints) == "step-9"


def test_a_checkpoint_that_was_cut_off_is_not_there(checkpoints: Checkpoints) -> None:
    write(checkpoints, "step-1")
    with pytest.raises(KeyboardInterrupt), checkpoints.write("step-2") as folder:
        (folder / "weights").write_text("half")
        raise KeyboardInterrupt
    assert latest(checkpoints) == "step-1"
    # what a kill leaves, which no exception can tidy up
    assert checkpoints.folder
    (checkpoints.folder / ".step-3.part").mkdir()
    assert latest(checkpoints) == "step-1"
    write(checkpoints, "step-4")
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-4"]


@pytest.mark.parametrize("damage", ["flip", "add", "lose", "no manifest"])
def test_a_damaged_checkpoint_is_named_and_removed(
    checkpoints: Checkpoints, lines: list[str], damage: str
) -> None:
    write(checkpoints, "step-1")
    path = checkpoints.latest()
    assert path
    file = {"add": "more", "no manifest": "SHA256SUMS"}.get(damage, "weights")
    (path / file).write_text("changed") if damage in ("flip", "add") else (path / file).unlink()
    assert latest(checkpoints) is None
    assert not path.exists()
    [line] = lines
    assert file in line
    assert line.endswith(": this checkpoint is not used")


def test_checkpoints_of_other_inputs_are_removed_with_a_line(
    checkpoints: Checkpoints, lines: list[str], tmp_path: Path
) -> None:
    write(checkpoints, "step-1")
    folder = tmp_path / "embedder-small"
    same = open_checkpoints(folder, "key", lines.append).phase("tuning")
    assert (latest(same), lines) == ("step-1", [])
    assert latest(open_checkpoints(folder, "other", lines.append).phase("tuning")) is None
    assert [*folder.iterdir()] == []
    [line] = lines
    assert line.endswith("embedder-small/key is of a training that read something else: removed")


def test_what_a_training_has_saved_is_removed_with_its_folder(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    write(checkpoints, "step-1")
    open_checkpoints(tmp_path / "embedder-small", "key", print).remove()
    assert [*tmp_path.iterdir()] == []


def test_without_a_folder_there_are_no_checkpoints() -> None:
    assert NO_CHECKPOINTS.phase("tuning").latest() is None
    NO_CHECKPOINTS.remove()


def test_a_key_depends_on_each_byte_name_and_value_and_on_no_place(tmp_path: Path) -> None:
    def build(folder: str, **files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / folder

    first = build("first", a="1", deep__b="2")
    key = key_of([first], {"seed": 13})
    assert key == key_of([build("again", a="1", deep__b="2")], {"seed": 13})
    assert key != key_of([first], {"seed": 14})
    assert key != key_of([build("other", a="1", deep__b="3")], {"seed": 13})
    assert key != key_of([build("named", a="1", deep__c="2")], {"seed": 13})
    assert key != key_of([first / "a", first / "deep" / "b"], {"seed": 13})
    assert key != key_of([first, tmp_path / "absent"], {"seed": 13})
    (first / "__pycache__").mkdir()
    (first / "__pycache__" / "a.pyc").write_text("compiled")
    assert key == key_of([first], {"seed": 13})
