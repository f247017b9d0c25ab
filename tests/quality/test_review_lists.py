"""Review lists: decisions stay, the others are made anew, and the same rows change no byte."""

import csv
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.ingest.review import PairReview
from findtune.quality.decisions import take_decisions
from findtune.quality.doubtful_labels import DoubtfulPair, DoubtfulPick
from findtune.quality.review_lists import list_pairs, list_picks


def pair(first: str, score: float = 0.9) -> DoubtfulPair:
    record: Record = {"sentence_1": first, "sentence_2": "b", "score": score, "source": "f.csv:2"}
    return DoubtfulPair(record, expected=0.1, doubt=0.8)


def pick(url: str, label: str) -> DoubtfulPick:
    record = {"query": "q", "record": "f.json:1"}
    return DoubtfulPick(record, {"url": url, "title": "=cmd()"}, label, expected=0.1, doubt=0.9)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def decide(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")


def test_a_list_is_no_data_until_somebody_decides(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    list_pairs(tmp_path, [pair("a"), pair("c")])
    list_picks(tmp_path, [pick("u", "picked")])
    assert [*take_decisions(tmp_path)] == []
    assert not [*(tmp_path / "data").iterdir()]


def test_decisions_move_to_the_data_and_the_other_rows_are_made_anew(tmp_path: Path) -> None:
    path, folder = tmp_path / "review/pairs.csv", tmp_path / "data/finetuning"
    assert list_pairs(tmp_path, [pair("a"), pair("c")]) == 2
    decide(path, "a,b,0.9,0.10,,", "a,b,0.9,0.10,drop,")
    [line] = take_decisions(tmp_path)
    assert line == f"1 decisions of {path} are in {folder / 'review.csv'} now"
    assert [row["sentence_1"] for row in rows(path)] == ["c"]
    assert PairReview(folder).score("a", "b", 0.9) is None
    assert list_pairs(tmp_path, [pair("a"), pair("d")]) == 1
    assert [row["sentence_1"] for row in rows(path)] == ["d"]
    assert [*take_decisions(tmp_path)] == []


def test_a_newer_decision_replaces_an_older_one(tmp_path: Path) -> None:
    decisions = tmp_path / "data/training_data/review.csv"
    for decision in ("drop", "keep"):
        (tmp_path / "review").mkdir(exist_ok=True)
        text = f"query,url,title,label,expected,decision,record\nq,u,'=t,picked,0.1,{decision},r\n"
        (tmp_path / "review/picks.csv").write_text(text, encoding="utf-8")
        assert len([*take_decisions(tmp_path)]) == 1
        assert [(row["title"], row["decision"]) for row in rows(decisions)] == [("'=t", decision)]


def test_columns_and_rows_that_a_person_added_stay(tmp_path: Path) -> None:
    (tmp_path / "review").mkdir()
    (tmp_path / "review/pairs.csv").write_text(
        "sentence_1,sentence_2,score,expected,decision,source\na,b,0.9,0.1,drop,f:1\n"
    )
    decisions = tmp_path / "data/finetuning/review.csv"
    decisions.parent.mkdir(parents=True)
    decisions.write_text("note,sentence_1,sentence_2,score,decision\nmine,x,y,0.5,drop\n")
    assert len([*take_decisions(tmp_path)]) == 1
    assert [(row["note"], row["sentence_1"], row["source"]) for row in rows(decisions)] == [
        ("mine", "x", ""),
        ("", "a", "f:1"),
    ]


def test_columns_that_a_person_added_to_a_list_stay_when_it_is_made_anew(tmp_path: Path) -> None:
    path, decisions = tmp_path / "review/pairs.csv", tmp_path / "data/finetuning/review.csv"
    list_pairs(tmp_path, [pair("a"), pair("c"), pair("e")])
    lines = path.read_text("utf-8").splitlines()
    notes = ["note", "ask Ann", "", "later"]
    path.write_text("\n".join(f"{note},{line}" for note, line in zip(notes, lines, strict=True)))
    decide(path, "ask Ann,a,b,0.9,0.10,,", "ask Ann,a,b,0.9,0.10,drop,")
    assert len([*take_decisions(tmp_path)]) == 1
    assert [row["note"] for row in rows(decisions)] == ["ask Ann"]
    assert list_pairs(tmp_path, [pair("a"), pair("d"), pair("c")]) == 2
    noted = [(row["note"], row["sentence_1"]) for row in rows(path)]
    assert noted == [("later", "e"), ("", "d"), ("", "c")]
    before = path.stat().st_ino
    assert list_pairs(tmp_path, [pair("a"), pair("d"), pair("c")]) == 2
    assert path.stat().st_ino == before
    path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert list_pairs(tmp_path, [pair("d")]) == 1
    assert [row["note"] for row in rows(path)] == [""]


def test_a_note_in_a_column_without_a_name_moves_with_its_decision(tmp_path: Path) -> None:
    path, decisions = tmp_path / "review/pairs.csv", tmp_path / "data/finetuning/review.csv"
    list_pairs(tmp_path, [pair("a"), pair("c")])
    header, first, second = path.read_text("utf-8").splitlines()
    decided = first.replace("0.10,,", "0.10,drop,")
    path.write_text(f"{header},,\n{decided},why,\n{second},,later\n", encoding="utf-8")
    assert len([*take_decisions(tmp_path)]) == 1
    assert [row["column 7"] for row in rows(decisions)] == ["why"]
    assert [row["column 8"] for row in rows(path)] == ["later"]


def test_a_list_that_a_stats_run_finds_decided_keeps_its_decisions(tmp_path: Path) -> None:
    path = tmp_path / "review/pairs.csv"
    list_pairs(tmp_path, [pair("a")])
    decide(path, "a,b,0.9,0.10,,", "a,b,0.9,0.10,0.2,")
    assert list_pairs(tmp_path, [pair("a"), pair("d")]) == 1
    assert [(row["sentence_1"], row["decision"]) for row in rows(path)] == [("a", "0.2"), ("d", "")]


def test_the_same_rows_are_not_written_again(tmp_path: Path) -> None:
    list_pairs(tmp_path, [pair("a")])
    before = (tmp_path / "review/pairs.csv").stat().st_ino
    assert list_pairs(tmp_path, [pair("a")]) == 1
    assert (tmp_path / "review/pairs.csv").stat().st_ino == before


def test_nothing_in_doubt_makes_no_file(tmp_path: Path) -> None:
    assert list_pairs(tmp_path, []) == list_picks(tmp_path, []) == 0
    assert not [*tmp_path.iterdir()]


def test_a_title_that_is_a_formula_is_written_as_text(tmp_path: Path) -> None:
    list_picks(tmp_path, [pick("u", "picked"), pick("v", "not picked")])
    assert [row["title"] for row in rows(tmp_path / "review/picks.csv")] == ["'=cmd()", "'=cmd()"]


def test_only_as_many_are_listed_as_a_person_reads(tmp_path: Path) -> None:
    picks = [pick(f"{number}", "picked") for number in range(99)]
    assert list_picks(tmp_path, picks) == 50


@pytest.mark.parametrize("name", ["review/pairs.csv", "data/finetuning/review.csv"])
def test_a_review_of_another_form_is_not_overwritten(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column"):
        list_pairs(tmp_path, [pair("a")])
    assert path.read_text(encoding="utf-8") == "a,b\n1,2\n"


def test_the_next_picks_are_listed_once_the_first_ones_are_decided(tmp_path: Path) -> None:
    picks = [pick(f"{number}", "picked") for number in range(60)]
    missed = [pick(f"missed {number}", "not picked") for number in range(26)]
    assert list_picks(tmp_path, [*picks, *missed]) == 75
    decide(tmp_path / "review/picks.csv", ",,f.json:1", ",keep,f.json:1")
    assert len([*take_decisions(tmp_path)]) == 1
    assert list_picks(tmp_path, [*picks, *missed]) == 11
    left = [row["url"] for row in rows(tmp_path / "review/picks.csv")]
    assert left == [*(f"{number}" for number in range(50, 60)), "missed 25"]
