"""What was cleaned for one model is given to another one, byte by byte."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from stages.share import SUFFIXES, main


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of clean data of a reranker."""
    monkeypatch.chdir(tmp_path)
    folder = Path("data/clean/reranker")
    folder.mkdir(parents=True)
    for suffix in SUFFIXES:
        (folder / f"ranked_lists{suffix}").write_text(f"the {suffix} of lists\n", encoding="utf-8")
    return folder


def test_the_three_files_are_those_of_the_other_model(source: Path) -> None:
    for _ in range(2):  # the second time they replace what is there
        result = CliRunner().invoke(main, ["ranked_lists", "reranker", "embedder"])
        assert (result.exit_code, result.stdout) == (
            0,
            "embedder/ranked_lists: as in reranker/ranked_lists\n",
        )
    copies = sorted(Path("data/clean/embedder").iterdir())
    assert [path.name for path in copies] == sorted(path.name for path in source.iterdir())
    assert all(path.read_bytes() == (source / path.name).read_bytes() for path in copies)


def test_a_kind_that_was_not_cleaned_is_told_in_one_line_and_nothing_is_left(source: Path) -> None:
    result = CliRunner().invoke(main, ["searches", "reranker", "embedder"])
    assert result.exit_code == 1
    assert "there is no data/clean/reranker/searches.jsonl; `make train`" in result.stderr
    assert not [*Path("data/clean/embedder").iterdir()]
