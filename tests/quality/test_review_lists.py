"""Review lists: decisions stay, the others are made anew, and the same rows change no byte."""

import csv
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.ingest.review import PairReview
from findtune.quality.doubtful_labels import DoubtfulPair, DoubtfulPick
from findtune.quality.review_lists import list_pairs, list_picks


def pair(first: str, score: float = 0.9) -> DoubtfulPair:
    record: Record = {"sentence_1": first, "sentence_2": "b", "score": score, "source": "f.csv:2"}
    return DoubtfulPair(record, expected=0.1, doubt=0.8)


def pick(url: str, label: str) -> DoubtfulPick:
    record = {"query": "q", "record": "f.json:1"}
    return DoubtfulPick(record, {"url": url, "title": "=cmd()"}, label, expected=0.1, doubt=0.9)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "review.csv").open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def decide(folder: Path, old: str, new: str) -> None:
    path = folder / "review.csv"
    path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")


def test_decisions_stay_and_the_other_rows_are_made_anew(tmp_path: Path) -> None:
    assert list_pairs(tmp_path, [pair("a"), pair("c")]) == 2
    decide(tmp_path, "a,b,0.9,0.10,,", "a,b,0.9,0.10,drop,")
    assert list_pairs(tmp_path, [pair("a"), pair("d")]) == 1
    assert [(row["sentence_1"], row["decision"]) for row in rows(tmp_path)] == [
        ("a", "drop"),
        ("d", ""),
    ]
    assert PairReview(tmp_path).score("a", "b", 0.9) is None


def test_the_same_rows_are_not_written_again(tmp_path: Path) -> None:
    list_pairs(tmp_path, [pair("a")])
    before = (tmp_path / "review.csv").stat().st_ino
    assert list_pairs(tmp_path, [pair("a")]) == 1
    assert (tmp_path / "review.csv").stat().st_ino == before


def test_nothing_in_doubt_makes_no_file(tmp_path: Path) -> None:
    assert list_pairs(tmp_path, []) == list_picks(tmp_path, []) == 0
    assert not [*tmp_path.iterdir()]


def test_a_title_that_is_a_formula_is_written_as_text(tmp_path: Path) -> None:
    list_picks(tmp_path, [pick("u", "picked"), pick("v", "not picked")])
    assert [row["title"] for row in rows(tmp_path)] == ["'=cmd()", "'=cmd()"]


def test_only_as_many_are_listed_as_a_person_reads(tmp_path: Path) -> None:
    picks = [pick(f"{number}", "picked") for number in range(99)]
    assert list_picks(tmp_path, picks) == 50


def test_a_review_of_another_form_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "review.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column"):
        list_pairs(tmp_path, [pair("a")])
    assert (tmp_path / "review.csv").read_text(encoding="utf-8") == "a,b\n1,2\n"
