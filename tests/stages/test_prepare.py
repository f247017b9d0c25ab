"""Preparation writes all examples of a model, or none."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from findtune.core.errors import InputError
from stages import rooms
from stages.prepare import main


def test_a_preparation_that_is_refused_leaves_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Room:
        PrepareSettings = dict

        @staticmethod
        def write_examples(_: Path, out: Path, __: object) -> None:
            (out / "corpus.jsonl").write_text("half")
            raise InputError("there is nothing to learn.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rooms, "load", lambda *_: Room)
    monkeypatch.setattr("stages.prepare.params.read", lambda *_: {})
    examples = Path("data/examples/rewriter/small")
    examples.mkdir(parents=True)
    (examples / "train.jsonl").write_text("before")
    result = CliRunner().invoke(main, ["rewriter", "small"])
    assert result.exit_code != 0
    assert [path.read_text() for path in examples.parent.rglob("*.*")] == ["before"]
