"""A scored pair is two sentences and a number from 0 to 1, and is read once."""

from typing import Any

import pytest

from findtune.core.errors import InputError

FILE = "data/finetuning/pairs.csv"


def read(
    project: Any, *rows: str, header: str = "sentence_1,sentence_2,score"
) -> tuple[list[Any], Any]:
    """Return the pairs and the report rows of a file."""
    project.write("finetuning/pairs.csv", "\n".join([header, *rows]) + "\n")
    outcome = project.read("sentence_pairs")
    return [[*pair.values()] for pair in outcome.records], outcome.rows


@pytest.mark.parametrize("column", ["score", "label"])
def test_a_pair_knows_its_sentences_its_score_and_its_source(project: Any, column: str) -> None:
    lines = ["tea,coffee,1e-1", '"green  tea, hot",tea,0.123456789', "a,b,0", "a,c,1"]
    pairs, rows = read(project, *lines, header=f"sentence_1,sentence_2,{column}")
    assert pairs == [
        ["tea", "coffee", 0.1, f"{FILE}:2"],
        ["green tea, hot", "tea", 0.123456789, f"{FILE}:3"],
        ["a", "b", 0.0, f"{FILE}:4"],
        ["a", "c", 1.0, f"{FILE}:5"],
    ]
    assert rows == []


SCORE_REMEDY = "write a number from 0 (unrelated) to 1 (same meaning)"
SENTENCE_REMEDY = "write the sentence, or delete the row"
SCORES = ["-0.1", "1.0001", "high", "nan", "inf", "", "50%"]
BAD = [(f"tea,coffee,{score}", "score", score, SCORE_REMEDY) for score in SCORES]
BAD.append((",coffee,0.5", "sentence_1", "", SENTENCE_REMEDY))
BAD.append(("tea, ,0.5", "sentence_2", "", SENTENCE_REMEDY))


@pytest.mark.parametrize(("cells", "column", "value", "remedy"), BAD)
def test_a_bad_score_or_sentence_is_rejected(
    project: Any, cells: str, column: str, value: str, remedy: str
) -> None:
    pairs, [row] = read(project, "tea,brew,0.9", cells, "tea,coffee,0.1")
    assert [pair[1] for pair in pairs] == ["brew", "coffee"]
    assert row[:5] == ("rejected", FILE, 3, column, value)
    assert row.remedy == remedy


def test_a_file_without_exactly_one_score_is_refused(project: Any) -> None:
    with pytest.raises(InputError, match="duplicate column score"):
        read(project, header="sentence_1,sentence_2,label,score")
    with pytest.raises(InputError, match=r"pairs\.csv:1: no column score: found sentence_1"):
        read(project, header="sentence_1,sentence_2")


AGAIN = f"a duplicate of the pair at {FILE}:2"
OTHER_SCORE = f"the pair at {FILE}:2 again, but with the score 0.3 there"


@pytest.mark.parametrize("sentences", ["tea,coffee", "coffee,tea", "Coffee!,  TEA"])
@pytest.mark.parametrize(
    ("score", "column", "reason"), [("0.30", "sentence_1", AGAIN), ("0.8", "score", OTHER_SCORE)]
)
def test_a_pair_that_comes_twice_keeps_its_first_score(
    project: Any, sentences: str, score: str, column: str, reason: str
) -> None:
    rows = ["tea,coffee,0.3", "tea,tea,1", "coffee,coffee,0", f"{sentences},{score}"]
    pairs, [row] = read(project, *rows)
    assert [pair[2] for pair in pairs] == [0.3, 1, 0]
    assert row[:4] == ("rejected", FILE, 5, column)
    assert row.reason == reason


def test_all_files_of_a_folder_are_read_and_compared(project: Any) -> None:
    project.write("finetuning/z.csv", "sentence_1,sentence_2,label\nmilk,tea,0.2\ncoffee,tea,0.9\n")
    pairs, [row] = read(project, "tea,coffee,0.3")
    assert [pair[3] for pair in pairs] == [f"{FILE}:2", "data/finetuning/z.csv:2"]
    assert row[1:3] == ("data/finetuning/z.csv", 3)
    assert f"{FILE}:2" in row.reason
