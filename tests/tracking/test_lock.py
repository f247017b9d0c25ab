"""dvc.lock is read as the bytes that each stage read and wrote."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.tracking.hashing import path_md5
from findtune.tracking.lock import all_outs, parse_lock, read_lock, read_pointers


def test_the_md5_of_files_and_folders_is_that_of_dvc(tiny_project: Path) -> None:
    outs = all_outs(read_lock())
    assert len(outs) == 4
    for path, md5 in outs.items():
        assert path_md5(Path(path)) == md5, path
    assert outs["models/stack/small"].endswith(".dir")


def test_an_input_has_the_md5_of_the_output_that_it_was(tiny_project: Path) -> None:
    stages = read_lock()
    evaluated = stages["evaluate@embedder-small"].deps["models/embedder/small"]
    assert evaluated == stages["train@embedder-small"].outs["models/embedder/small"]


@pytest.mark.parametrize("text", ["", "stages: [1]", "stages: {a: ["])
def test_a_lock_that_is_none_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InputError, match=r"dvc.lock can't be read .*git checkout dvc.lock"):
        parse_lock(text)


def test_a_missing_lock_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*/dvc.lock; `make train` writes it"):
        read_lock(tmp_path / "dvc.lock")


def test_a_merge_conflict_is_named_with_what_ends_it() -> None:
    with pytest.raises(InputError, match="has the marks of a merge conflict; .*checkout --ours"):
        parse_lock("schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> side\n")


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\nouts:\n", "outs: [1]"])
def test_a_pointer_that_is_none_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "training_data.dvc").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"training_data.dvc can't be read; is it a merge conf"):
        read_pointers(tmp_path)
