"""Signs that change a meaning tell texts apart, wherever data are compared; others do not."""

from typing import Any

import pytest

from findtune.ingest.wordings import copy_key, query_key, wording

DIFFERENT = [
    ("C++ jobs", "C# jobs"),
    ("C++ jobs", "C jobs"),
    ("O+ donors", "O- donors"),
    ("Rh- mothers", "Rh+ mothers"),
    ("BBB- bonds", "BBB bonds"),
    ("aged 65+", "aged 65"),
    ("above -5 °C", "above 5 °C"),
    ("change: +5 %", "change: -5 %"),
    ("by -5.5 %", "by -5.6 %"),
    ("10² units", "102 units"),
    ("10⁻² mol", "10² mol"),
    (".NET income", "net income"),
    ("exports, %", "exports, $"),
    ("exports, %", "exports"),
    ("≥ 65 years", "≤ 65 years"),
    ("F# code", "F code"),
]
SAME = [
    ("Tea, cups", "tea cups?"),
    ("C++ jobs", "c++  Jobs?"),
    ("C＋＋ jobs", "C++ jobs"),
    ("above \u22125 °C", "Above -5°C"),
    ("per km²", "per km2"),
    ("10 -20 years", "10-20 years"),
    ("below -5.", "below -5"),
    ("-5, 6", "-5 6"),
    ("call +49 30", "call 49 30"),
    ("B-cell", "B cell"),
    ("5 %", "5%"),
    ("tea - cups", "tea cups"),
    ("care insurance uk £", "care insurance uk"),
    ("What about it... now", "what about it now"),
]


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_signs_that_change_a_meaning_tell_texts_apart(first: str, second: str) -> None:
    for key in (wording, query_key, copy_key):
        assert key(first) != key(second)


@pytest.mark.parametrize(("first", "second"), SAME)
def test_punctuation_case_and_width_do_not(first: str, second: str) -> None:
    for key in (wording, query_key, copy_key):
        assert key(first) == key(second)


def test_a_text_of_signs_alone_is_its_own_key() -> None:
    assert query_key("!!") == "!!" != query_key("??")


def test_a_limit_may_be_written_in_one_character_or_two() -> None:
    assert query_key("≥ 65 years") == query_key(">= 65 years") != query_key("<= 65 years")


@pytest.mark.parametrize("rest", ["", " Annual figures of all goods by weight"])
def test_what_goes_from_here_to_there_does_not_come_back(rest: str) -> None:
    there, back = "Exports from Kenya to China", "Exports from China to Kenya"
    assert copy_key(there + rest) != copy_key(back + rest)
    assert copy_key("Exports, Kenya: tea") == copy_key("tea exports of Kenya")


@pytest.mark.parametrize("cell", ["A+;A-;O+;O-", "C;C++;C#", "5 %;-5 %", "income;income (%)"])
def test_alternatives_that_differ_by_a_sign_are_all_kept(project: Any, cell: str) -> None:
    header = "dcid,Name,Description,Override_Alternatives,Curated_Alternatives"
    project.write("autogen_input/small/v.csv", f"{header}\nx,Thing,,,{cell}\n")
    texts = [text["text"] for text in project.read("catalog").records]
    assert texts[1:] == cell.split(";")


def test_pairs_that_differ_by_a_sign_keep_their_scores(project: Any) -> None:
    rows = ["C++ jobs,coding in C++,0.9", "C# jobs,coding in C++,0.1", "C++,C#,0.2", "C++,C,0.1"]
    lines = "\n".join(["sentence_1,sentence_2,score", *rows])
    project.write("finetuning/pairs.csv", f"{lines}\n")
    assert [pair["score"] for pair in project.read("sentence_pairs").records] == [
        0.9,
        0.1,
        0.2,
        0.1,
    ]


def test_a_search_that_differs_by_a_sign_is_another_search(project: Any) -> None:
    mapping = {
        query: {"sources": [project.document(name)]}
        for query, name in (("C# salary", "b"), ("C++ salary", "c"))
    }
    record, outcome = project.clean_one(
        "searches", original_query="C# salary", query_source_mapping=mapping,
        selected_sources=[project.url("b")],
    )  # fmt: skip
    assert [search["query"] for search in record["searches"]] == [*mapping]
    assert outcome.rows == []


@pytest.mark.parametrize(
    ("picked", "passed_over"),
    [
        ("C# tutorial", "C++ tutorial"),
        ("Freezing at -5 °C", "Freezing at 5 °C"),
        ("Exports from Kenya to China", "Exports from China to Kenya"),
    ],
)
def test_the_hardest_negatives_are_no_copies(project: Any, picked: str, passed_over: str) -> None:
    shown = [
        project.document(name, title=title, snippet="")
        for name, title in (("a", passed_over), ("b", picked), ("c", "Tea"))
    ]
    record, outcome = project.clean_one(
        "ranked_lists", all_sources=shown, positive_sources=[project.url("b")], negative_sources=[]
    )
    assert len(record["sources"]) == 3
    assert outcome.rows == []


def test_a_guard_query_that_differs_by_a_sign_is_another_query(project: Any) -> None:
    project.write(
        "guard/queries.csv", "query,text\nO+ donors?,Give here.\nO- donors?,Give there.\n"
    )
    assert len(project.read("guard_queries").records) == 2
