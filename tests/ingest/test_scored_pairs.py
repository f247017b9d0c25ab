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
SCORES = ["-0.1", "1.0001", "high", "nan", "inf", "", "50%", "True", "1_0", "1.000,5", "0x1"]
BAD = [(f'tea,coffee,"{score}"', "score", score, SCORE_REMEDY) for score in SCORES]
BAD.append((",coffee,0.5", "sentence_1", "", SENTENCE_REMEDY))
BAD += [
    (f"tea,{text},0.5", "sentence_2", "", SENTENCE_REMEDY) for text in (" ", "-", "—", "\u200b")
]


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
    ("score", "mean", "action", "reason"),
    [("0.30", 0.3, "dropped", AGAIN), ("0.8", 0.55, "kept", OTHER_SCORE)],
)
def test_a_pair_that_comes_twice_has_the_mean_of_its_scores(
    project: Any, sentences: str, score: str, mean: float, action: str, reason: str
) -> None:
    rows = ["tea,coffee,0.3", "tea,tea,1", "coffee,coffee,0", f"{sentences},{score}"]
    pairs, report_rows = read(project, *rows)
    assert [pair[2] for pair in pairs] == [mean, 1, 0]
    assert report_rows[0][:3] == (action, FILE, 5)
    assert report_rows[0].reason == reason


def test_the_agreement_of_several_scores_of_one_pair_is_reported(project: Any) -> None:
    rows = ["tea,coffee,0.3", "tea,coffee,0.9", "tea,coffee,0.9", "a,b,0.5", "b,a,0.4", "c,d,1"]
    pairs, report_rows = read(project, *rows)
    assert [pair[2] for pair in pairs] == [0.7, 0.45, 1]
    assert report_rows[-1].reason == (
        "2 pairs were scored more than once; their scores are 0.35 apart in the mean and 0.6 at "
        "most"
    )


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ("1 1 5 3 1", r"scores from 1 to 5, .* line 4; .*\(score - 1\) / 4 if they are 1 to 5"),
        ("0 1 2 3", r"scores from 0 to 3, .*line 4; .*score / 3 if they are 0 to 3, or score / 5"),
        ("1 3 7", r"scores from 1 to 7, .*line 3; .*\(score - 1\) / 6 if they are 1 to 7"),
        ("0 1 4", r"scores from 0 to 4, .* line 4; .*score / 5 if they are 0 to 5"),
        ("0.5 87 1", r"scores from 0.5 to 87, .* line 3; .*score / 100"),
        ("-1 -0,5 0.5 1", r"scores from -1 to 1, .* line 2; .*\(score \+ 1\) / 2"),
        ("0.1 0.9 7 1", r"scores from 0.1 to 7, .* line 4; .*score / 10"),
        ("1 ５", r"scores from 1 to 5, .* line 3"),
        ("-100 0 80", r"scores from -100 to 80, .* line 2; .*\(score \+ 100\) / 200"),
        ("-2 1", r"scores from -2 to 1, .* line 2; .*\(score \+ 2\) / 4 if they are -2 to 2"),
        ("1 1000", r"scores from 1 to 1000, .* line 3; .*divide by the best"),
    ],
)
def test_a_file_with_another_scale_is_refused_as_a_whole(
    project: Any, scores: str, message: str
) -> None:
    project.write("finetuning/good.csv", "sentence_1,sentence_2,score\nmilk,cream,0.2\n")
    rows = [f'tea {number},cup,"{score}"' for number, score in enumerate(scores.split())]
    with pytest.raises(InputError, match=rf"^{FILE}: {message}"):
        read(project, *rows)


def test_decimal_commas_and_digits_of_other_scripts_are_read_and_reported(project: Any) -> None:
    rows = ['a,b,"0,9"', 'a,c,",25"', "a,d,٠.٥", "a,e,٠٫٥", "a,f,５e-1", "a,g,1."]
    pairs, [note] = read(project, *rows)
    assert [pair[2] for pair in pairs] == [0.9, 0.25, 0.5, 0.5, 0.5, 1]
    assert (note.action, note.file) == ("kept", FILE)
    assert note.reason == "2 scores have a decimal comma, the first in line 2"


@pytest.mark.parametrize("score", ["'0.5", '="0.5"', "0.5<br>", "&nbsp;0.5", "0.5\u200b"])
def test_what_programs_put_around_a_number_is_no_part_of_it(project: Any, score: str) -> None:
    cell = score.replace('"', '""')
    pairs, rows = read(project, f'tea,coffee,"{cell}"', '"=""char""",brew,0.9')
    assert [tuple(pair[:3]) for pair in pairs] == [("tea", "coffee", 0.5), ("char", "brew", 0.9)]
    assert rows == []


def test_a_row_without_a_sentence_says_nothing_of_the_scale(project: Any) -> None:
    pairs, [row] = read(project, "tea,coffee,0.3", "char,brew,0.9", "Total,,1.2")
    assert len(pairs) == 2
    assert (row.action, row.line, row.column) == ("rejected", 4, "sentence_2")


def test_the_columns_may_be_spelled_without_a_mark(project: Any) -> None:
    project.write("finetuning/sts.csv", "Sentence1,sentence2,score\ntea,coffee,0.3\n")
    assert [pair["sentence_1"] for pair in project.read("sentence_pairs").records] == ["tea"]


def test_a_file_of_the_folder_that_nothing_reads_is_named(project: Any) -> None:
    for name in ("pairs.xlsx", "pairs.json", "README.txt"):
        project.write(f"finetuning/{name}", "x")
    project.write("guard/queries.csv", "query,text\n")
    _, rows = read(project, "tea,coffee,0.3")
    assert [row.file for row in rows] == [
        f"data/finetuning/pairs.{end}" for end in ("json", "xlsx")
    ]
    assert project.read("guard").rows == []


def test_all_files_of_a_folder_are_read_and_compared(project: Any) -> None:
    project.write("finetuning/z.csv", "sentence_1,sentence_2,label\nmilk,tea,0.2\ncoffee,tea,0.9\n")
    pairs, [row, _] = read(project, "tea,coffee,0.3")
    assert [pair[3] for pair in pairs] == [f"{FILE}:2", "data/finetuning/z.csv:2"]
    assert row[1:3] == ("data/finetuning/z.csv", 3)
    assert f"{FILE}:2" in row.reason


@pytest.mark.parametrize(
    ("scores", "mean", "actions"),
    [
        ("0.2 0.2 0.8", 0.4, ["kept", "kept"]),
        ("0.2 0.8 0.2", 0.4, ["kept", "kept"]),
        ("0.8 0.2 0.2", 0.4, ["kept", "kept"]),
        ("0.123456789 0.123456789 .123456789", 0.123456789, ["dropped", "dropped"]),
    ],
)
def test_a_row_that_counts_in_a_mean_is_not_called_dropped(
    project: Any, scores: str, mean: float, actions: list[str]
) -> None:
    [pair], rows = read(project, *(f"tea,coffee,{score}" for score in scores.split()))
    assert pair[2] == mean
    again = [row for row in rows if row.file == FILE]
    assert [(row.action, row.line) for row in again] == [*zip(actions, (3, 4), strict=True)]


def test_a_row_with_the_same_score_as_the_first_says_that_it_counts_in_the_mean(
    project: Any,
) -> None:
    _, rows = read(project, "tea,coffee,0.2", "coffee,tea,.2", "tea,coffee,0.8")
    assert [row.reason for row in rows[:2]] == [
        f"the pair at {FILE}:2 again, with the same score; both count in the mean",
        f"the pair at {FILE}:2 again, but with the score 0.2 there",
    ]
