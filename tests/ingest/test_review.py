"""review.csv: what a person decided about a label holds, is counted, and a mistake is named."""

from typing import Any

import pytest

from findtune.ingest.review import from_cell, to_cell

PAIRS = "sentence_1,sentence_2,score,expected,decision,source\n"
LISTS = "query,url,title,label,expected,decision,record\n"


def scores(project: Any) -> dict[str, float]:
    records = project.read("sentence_pairs").records
    return {record["sentence_1"]: record["score"] for record in records}


@pytest.fixture
def pairs(project: Any) -> Any:
    """Write three pairs."""
    rows = "births,deaths,0.9\njobs,work,0.8\nbread,tea,0.1\n"
    project.write("finetuning/pairs.csv", f"sentence_1,sentence_2,score\n{rows}")
    return project


def notes(project: Any, kind: str) -> list[str]:
    return [row.reason for row in project.read(kind).rows if row.column == "decision"]


def test_pairs_are_dropped_corrected_or_kept_as_decided(pairs: Any) -> None:
    rows = "deaths,births,0.9,0.1,0.05,x:1\njobs,work,0.8,0.1,DROP,x:2\nbread,tea,0.1,0.9,keep,x\n"
    pairs.write("finetuning/review.csv", PAIRS + rows)
    assert scores(pairs) == {"births": 0.05, "bread": 0.1}
    assert notes(pairs, "sentence_pairs") == ["pairs: 1 corrected, 1 dropped"]
    assert pairs.read("sentence_pairs").counts["pairs"] == 2


def test_a_review_is_read_as_spreadsheets_save_it(pairs: Any) -> None:
    rows = '"deaths";births;0,9;;0,05\r\n\r\njobs;work;0,8;;drop\r\n'
    header = "Sentence_1; sentence_2;SCORE;expected;decision"
    pairs.write("finetuning/review.csv", f"\ufeffsep=;\r\n{header}\r\n{rows}")
    assert scores(pairs) == {"births": 0.05, "bread": 0.1}
    pairs.write("finetuning/review.csv", f"{header}\n{rows}".replace(";", "\t"))
    assert scores(pairs) == {"births": 0.05, "bread": 0.1}


def test_a_row_of_a_review_that_lacks_cells_stops_the_run_with_its_line(pairs: Any) -> None:
    pairs.write("finetuning/review.csv", f"{PAIRS}births,deaths\n")
    message = pairs.stop("embedder/sentence_pairs")
    assert "data/finetuning/review.csv:2: 2 cells where the header has 6" in message
    assert "(found 'births,deaths'); write the missing commas" in message
    assert message.count("\n") == 1
    pairs.write_feedback("reranker_training_data.json", pairs.ranked_list())
    pairs.write("training_data/review.csv", f"{LISTS}tea?,x:1,,picked,0.5,drop\n")
    message = pairs.stop("reranker/ranked_lists")
    assert "data/training_data/review.csv:2: 6 cells where the header has 7" in message


@pytest.mark.parametrize("decision", ["", " ", "n/a", "NaN"])
def test_an_empty_decision_changes_nothing_and_the_review_is_no_data(
    pairs: Any, decision: str
) -> None:
    before = pairs.read("sentence_pairs")
    row = f"births,deaths,0.9,0.1,{decision},x:1\n"
    pairs.write("finetuning/review.csv", f'{PAIRS}{row}"","","","","",""\n')
    after = pairs.read("sentence_pairs")
    assert (after.records, after.rows, after.counts) == (before.records, [], before.counts)


def test_a_decision_on_a_score_that_has_changed_since_applies_no_more(pairs: Any) -> None:
    pairs.write("finetuning/review.csv", f"{PAIRS}births,deaths,0.5,0.1,drop,x:1\n")
    assert scores(pairs)["births"] == 0.9
    [note] = notes(pairs, "sentence_pairs")
    assert note == "1 decisions are on pairs that are not there or have another label"


def review(project: Any, *decisions: tuple[str, str, str]) -> None:
    """Write decisions: the name of a document, its label, the decision."""
    query = project.ranked_list()["query"]
    rows = [
        f"{query},{project.url(name)},,{label},0.5,{decision},x:1\n"
        for name, label, decision in decisions
    ]
    project.write("training_data/review.csv", LISTS + "".join(rows))


def urls(project: Any, record: dict[str, Any]) -> list[str]:
    return [source["url"].removeprefix(project.url("")) for source in record["sources"]]


def test_a_source_is_dropped_and_a_pick_that_was_missed_is_added(project: Any) -> None:
    project.write_feedback("reranker_training_data.json", project.ranked_list())
    review(project, ("a", "not picked", "drop"), ("b", "picked", "not picked"))
    assert project.read("ranked_lists").records == []  # no pick is left
    review(project, ("a", "not picked", "picked"), ("b", "picked", "drop"))
    [record] = project.read("ranked_lists").records
    assert record["picks"] == [project.url("a")]
    assert urls(project, record) == ["a", "c"]
    assert notes(project, "ranked_lists") == ["sources: 1 corrected, 1 dropped"]


def test_a_decision_holds_for_the_searches_of_the_question_too(project: Any) -> None:
    name = "query_rewriting_training_data.json"
    project.write_feedback(name, project.search_record(), project.search_record("bread?"))
    review(project, ("b", "picked", "not picked"), ("c", "picked", "keep"))
    first, second = project.read("searches").records
    assert first["selected"] == [project.url("c")]
    assert second["selected"] == [project.url("b"), project.url("c")]


def test_a_record_that_teaches_nothing_any_more_is_counted(project: Any) -> None:
    project.write_feedback("reranker_training_data.json", project.ranked_list())
    review(project, ("b", "picked", "drop"))
    outcome = project.read("ranked_lists")
    assert outcome.records == []
    assert outcome.counts["records"] == 0
    assert notes(project, "ranked_lists") == ["sources: 1 dropped, 1 records left out"]


def test_a_decision_on_a_source_that_nobody_was_shown_is_counted(project: Any) -> None:
    project.write_feedback("reranker_training_data.json", project.ranked_list())
    review(project, ("z", "picked", "drop"))
    [note] = notes(project, "ranked_lists")
    assert note.startswith("1 decisions are on sources that are not there")


@pytest.mark.parametrize(
    ("output", "file", "content", "message"),
    [
        (
            "embedder/sentence_pairs",
            "finetuning",
            f"{PAIRS}a,b,0.1,0,maybe,x\n",
            ":2: the decision",
        ),
        ("embedder/sentence_pairs", "finetuning", f"{PAIRS}a,b,0.1,0,1.5,x\n", ":2: the decision"),
        ("embedder/sentence_pairs", "finetuning", "a,b\n1,2\n", "no column sentence_1"),
        ("reranker/ranked_lists", "training_data", f"{LISTS}q,u,,picked,0,0.5,x\n", ":2: the dec"),
        ("reranker/ranked_lists", "training_data", "a\n1\n", "no column query, url"),
    ],
)
def test_a_decision_that_is_none_stops_the_run_with_its_line(
    output: str, file: str, content: str, message: str, project: Any
) -> None:
    project.write("finetuning/pairs.csv", "sentence_1,sentence_2,score\na,b,0.1\n")
    project.write_feedback("reranker_training_data.json", project.ranked_list())
    project.write(f"{file}/review.csv", content)
    error = project.stop(output)
    assert f"data/{file}/review.csv" in error
    assert message in error


@pytest.mark.parametrize("text", ["=1+1", "'quoted'", "'=x", "plain", "+33", "-5", "@a", ""])
def test_no_cell_is_a_formula_and_every_text_comes_back(text: str) -> None:
    assert to_cell(text)[:1] not in ("=", "+", "-", "@")
    assert from_cell(to_cell(text)) == text
