"""A scored pair is two sentences and a number from 0 to 1, and stands once."""

from pathlib import Path

import pytest

from findtune.errors import InputError
from findtune.scored_pairs import (
    ScoredPair,
    read_clean_pairs,
    read_scored_pairs,
    write_scored_pairs,
)
from findtune.tables import Note

LONGEST_CELL = 100_000


def read(
    folder: Path, *rows: str, header: str = "sentence_1,sentence_2,score"
) -> tuple[list[ScoredPair], list[Note]]:
    """Return what is read from a file of pairs."""
    (folder / "pairs.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_scored_pairs(folder, LONGEST_CELL)


def test_a_pair_knows_its_sentences_its_score_and_its_source(tmp_path: Path) -> None:
    pairs, notes = read(tmp_path, "tea,coffee,0.25", '"green  tea, hot",tea,0.75')
    file = (tmp_path / "pairs.csv").as_posix()
    assert pairs == [
        ScoredPair("tea", "coffee", 0.25, f"{file}:2"),
        ScoredPair("green tea, hot", "tea", 0.75, f"{file}:3"),
    ]
    assert notes == []


@pytest.mark.parametrize(("score", "value"), [("0", 0.0), ("1", 1.0), ("0.0", 0.0), ("1e-1", 0.1)])
def test_a_score_at_the_bounds_is_kept(tmp_path: Path, score: str, value: float) -> None:
    pairs, notes = read(tmp_path, f"tea,coffee,{score}")
    assert [pair.score for pair in pairs] == [value]
    assert notes == []


@pytest.mark.parametrize(
    "score", ["1.5", "-0.1", "1.0001", "high", "nan", "inf", "", "50%", "-inf"]
)
def test_a_score_that_is_no_number_from_0_to_1_is_rejected(tmp_path: Path, score: str) -> None:
    pairs, notes = read(tmp_path, "tea,brew,0.9", f"tea,coffee,{score}", "tea,rain,0.1")
    assert [pair.sentence_2 for pair in pairs] == ["brew", "rain"]
    assert [(note.action, note.line, note.column, note.value) for note in notes] == [
        ("rejected", 3, "score", score)
    ]
    assert "from 0 (nothing in common) to 1 (the same)" in notes[0].remedy


@pytest.mark.parametrize(
    ("row", "column"), [(",coffee,0.5", "sentence_1"), ("tea, ,0.5", "sentence_2")]
)
def test_a_pair_without_a_sentence_is_rejected(tmp_path: Path, row: str, column: str) -> None:
    pairs, notes = read(tmp_path, row)
    assert pairs == []
    assert [(note.action, note.line, note.column, note.value) for note in notes] == [
        ("rejected", 2, column, "")
    ]
    assert notes[0].remedy == "write the sentence, or delete the row"


def test_a_column_named_label_is_read_as_the_score(tmp_path: Path) -> None:
    pairs, notes = read(tmp_path, "tea,coffee,0.25", header="sentence_1,sentence_2,label")
    assert [pair.score for pair in pairs] == [0.25]
    assert notes == []


def test_a_file_with_both_a_label_and_a_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column score stands twice"):
        read(tmp_path, "tea,coffee,0.25,0.3", header="sentence_1,sentence_2,label,score")


def test_a_file_without_a_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pairs\.csv:1: no column score: found sentence_1"):
        read(tmp_path, "tea,coffee", header="sentence_1,sentence_2")


AGAIN = ["tea,coffee", "coffee,tea", "TEA,Coffee!", "Coffee,  TEA"]


@pytest.mark.parametrize("pair", AGAIN)
def test_a_pair_that_stands_twice_is_kept_once(tmp_path: Path, pair: str) -> None:
    pairs, notes = read(tmp_path, "tea,coffee,0.3", "tea,rain,0", f"{pair},0.30")
    assert [pair.sentence_2 for pair in pairs] == ["coffee", "rain"]
    assert [(note.action, note.line, note.column) for note in notes] == [
        ("rejected", 4, "sentence_1")
    ]
    assert notes[0].reason == f"the pair of {pairs[0].source} again"
    assert notes[0].remedy == "delete one"


@pytest.mark.parametrize("pair", AGAIN)
def test_a_pair_with_two_scores_is_told_as_a_contradiction(tmp_path: Path, pair: str) -> None:
    pairs, notes = read(tmp_path, "tea,coffee,0.3", f"{pair},0.8")
    assert [pair.score for pair in pairs] == [0.3]
    assert [(note.action, note.line, note.column, note.value) for note in notes] == [
        ("rejected", 3, "score", "0.8")
    ]
    assert notes[0].reason == f"the pair of {pairs[0].source} again, scored 0.3 there"
    assert notes[0].remedy == "keep the score that is right"


def test_a_rejected_pair_does_not_make_the_next_one_a_second(tmp_path: Path) -> None:
    pairs, notes = read(tmp_path, "tea,coffee,high", "tea,coffee,0.8")
    assert [pair.score for pair in pairs] == [0.8]
    assert [note.line for note in notes] == [2]


def test_pairs_that_share_one_sentence_are_other_pairs(tmp_path: Path) -> None:
    pairs, notes = read(tmp_path, "tea,coffee,0.3", "tea,tea,1", "coffee,coffee,1")
    assert len(pairs) == 3
    assert notes == []


def test_all_files_of_a_folder_are_read_and_compared(tmp_path: Path) -> None:
    later = tmp_path / "z.csv"
    later.write_text("sentence_1,sentence_2,label\nmilk,tea,0.2\ncoffee,tea,0.9\n", "utf-8")
    pairs, notes = read(tmp_path, "tea,coffee,0.3")
    first = (tmp_path / "pairs.csv").as_posix()
    assert [pair.source for pair in pairs] == [f"{first}:2", f"{later.as_posix()}:2"]
    assert [(note.file, note.line) for note in notes] == [(later.as_posix(), 3)]
    assert f"{first}:2" in notes[0].reason


def test_a_folder_without_a_csv_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \*\.csv file; put at least one there"):
        read_scored_pairs(tmp_path, LONGEST_CELL)


def test_clean_pairs_are_read_back_as_written(tmp_path: Path) -> None:
    pairs, _ = read(tmp_path, 'tea,"a ""cup"", hot",0.123456789', "Línea,té,1")
    write_scored_pairs(tmp_path / "clean.csv", pairs)
    assert read_clean_pairs(tmp_path / "clean.csv") == pairs
