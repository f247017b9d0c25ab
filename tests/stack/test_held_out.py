"""Questions that judge the stack were learned by no room, and every relevant document is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.core.files import write_jsonl
from findtune.stack.held_out import HeldOut, read_held_out

Write = Callable[..., Path]
Row = dict[str, Any]


def ranked_list(query: str, *urls: str, **fields: Any) -> Row:
    """Return a list of the reranker whose first document is picked."""
    documents = [
        {"url": url, "title": url, "text": f"{url}. text", "shown": True} for url in urls or ["a"]
    ]
    picks = [documents[0]["url"]]
    row = {"kind": "list", "query": query, "picks": picks, "qrels": {}, "record": "lists.json:1"}
    return {**row, "documents": documents, **fields}


def searched(query: str, *picks: str, **fields: Any) -> Row:
    """Return a question of the rewriter."""
    row = {"kind": "question", "query": query, "picks": [*picks], "qrels": {}, "history": []}
    return {**row, "record": "searches.json:1", **fields}


def document(url: str) -> Row:
    return {"url": url, "title": url, "text": "text"}


def read(limit: int = 100, documents: int = 100, **rooms: Path) -> HeldOut:
    grades = next(iter(rooms.values())).parent / "search_grades.jsonl"
    if not grades.exists():
        write_jsonl(grades, [])
    return read_held_out(
        rooms, max_questions=limit, max_corpus_documents=documents, search_grades=grades
    )


def queries(held_out: HeldOut) -> list[list[str]]:
    return [sorted(row.query for row in rows) for rows in (held_out.dev, held_out.test)]


def test_a_question_that_taught_another_room_is_not_asked(write_examples: Write) -> None:
    reranker = write_examples(
        "reranker",
        train=[ranked_list("old")],
        dev=[ranked_list("bread price"), ranked_list("rice crop")],
        test=[ranked_list("road deaths"), ranked_list("tea")],
    )
    embedder = write_examples(
        "embedder",
        train=[
            {"kind": "pick", "query": "the prices of bread", "positive": "x", "negatives": ["y"]}
            | {"record": "lists.json:1"},
            {"kind": "positive", "anchor": "tea", "positive": "tea"},
        ],
        dev=[
            {"kind": "list", "query": "road death", "documents": ["x"], "picked": [True]}
            | {"record": "lists.json:1"}
        ],
    )
    assert queries(read(reranker=reranker, embedder=embedder)) == [["rice crop"], ["tea"]]
    with_everything = [["bread price", "rice crop"], ["road deaths", "tea"]]
    assert queries(read(reranker=reranker)) == with_everything


def test_questions_with_the_same_judgments_share_a_topic_across_rooms(
    write_examples: Write,
) -> None:
    grades = {"qrels": {"a": 3, "b": 2, "c": 1}}
    reranker = write_examples(
        "reranker",
        train=[ranked_list("jobless", **grades)],
        dev=[ranked_list("bread")],
        test=[ranked_list("tea")],
    )
    rewriter = write_examples(
        "rewriter",
        dev=[searched("no employment", "a", **grades), searched("bread", "a")],
        test=[searched("tea", "a")],
        corpus=[document("a")],
    )
    assert queries(read(reranker=reranker, rewriter=rewriter)) == [["bread"], ["tea"]]


def test_the_order_of_rooms_does_not_change_which_questions_share_a_topic(
    write_examples: Write,
) -> None:
    grades = {"qrels": {"a": 3, "b": 2, "c": 1}}
    lists = {"record": "lists.json:1", "documents": ["x"], "picked": [True]}
    rooms = {
        "embedder": write_examples("embedder", test=[{"kind": "list", "query": "jobless"} | lists]),
        "reranker": write_examples(
            "reranker",
            dev=[ranked_list("bread")],
            test=[ranked_list("jobless", **grades), ranked_list("tea")],
        ),
        "rewriter": write_examples(
            "rewriter",
            train=[searched("no employment", "a", **grades)],
            dev=[searched("bread", "a")],
            test=[searched("tea", "a")],
            corpus=[document("a")],
        ),
    }
    for names in (("embedder", "reranker", "rewriter"), ("reranker", "rewriter", "embedder")):
        assert queries(read(**{name: rooms[name] for name in names})) == [["bread"], ["tea"]]


def test_what_a_room_has_grouped_is_one_group_across_rooms(write_examples: Write) -> None:
    reranker = write_examples(
        "reranker",
        dev=[ranked_list("rye", group="0.1")],
        test=[ranked_list(query, group="0.2") for query in ("tea", "milk")],
    )
    rewriter = write_examples(
        "rewriter",
        dev=[searched("rye", "a", group="0.1")],
        test=[searched("milk", "a", group="0.3"), searched("rice crop", "a", group="0.3")]
        + [searched("roads", "a", group="0.4")],
        corpus=[document("a")],
    )
    groups = {row.query: row.group for row in read(reranker=reranker, rewriter=rewriter).test}
    assert groups["tea"] == groups["milk"] == groups["rice crop"] != groups["roads"]


def test_what_two_rooms_know_of_a_question_is_joined(write_examples: Write) -> None:
    reranker = write_examples(
        "reranker",
        dev=[ranked_list("bread", "a", "b"), ranked_list("bread", "c", qrels={"a": 2, "z": 1})],
        test=[ranked_list("tea")],
    )
    rewriter = write_examples(
        "rewriter",
        dev=[searched("bread", "d", "gone", history=["food"])],
        test=[],
        corpus=[document("d")],
    )
    held_out = read(reranker=reranker, rewriter=rewriter)
    [question] = held_out.dev
    assert question.picks == ["a", "c", "d"]
    assert question.grades == {"a": 2}  # no document has the URL z
    assert question.history == ["food"]
    assert question.gains == {"a": 2}
    assert question.assessed == {"a", "b", "c", "d"}
    assert held_out.corpus.texts == {"d": "d. text", "a": "a. text"} | {
        url: f"{url}. text" for url in "bc"
    }


def test_a_question_without_a_relevant_document_in_the_corpus_is_not_asked(
    write_examples: Write,
) -> None:
    rewriter = write_examples(
        "rewriter",
        dev=[searched("bread", "a"), searched("rice", "gone")],
        test=[searched("tea", "a")],
        corpus=[document("a")],
    )
    assert queries(read(rewriter=rewriter)) == [["bread"], ["tea"]]


def test_random_negatives_were_shown_to_nobody(write_examples: Write) -> None:
    row = ranked_list("bread", "a")
    row["documents"].append({"url": "n", "title": "", "text": "n", "shown": False})
    reranker = write_examples("reranker", dev=[row], test=[ranked_list("tea")])
    [question] = read(reranker=reranker).dev
    assert question.shown == {"a"}


def test_grades_of_what_searches_found_count_beside_those_of_a_list(
    write_examples: Write, tmp_path: Path
) -> None:
    reranker = write_examples(
        "reranker",
        dev=[ranked_list("rice", "a", "b", qrels={"a": 2}), ranked_list("milk", "c", "a")],
        test=[ranked_list("tea", "b", "d")],
    )
    grades = [
        {"query": "rice", "grades": {"a": 1, "d": 3, "elsewhere": 3}},
        {"query": "milk", "grades": {"c": 0, "b": 2}},
    ]
    write_jsonl(tmp_path / "search_grades.jsonl", grades)
    held_out = read(reranker=reranker)
    rice, milk = sorted(held_out.dev, key=lambda question: question.query, reverse=True)
    assert rice.gains == {"a": 2, "d": 3}  # the grade of the list comes first
    assert rice.assessed == {"a", "b", "d"}
    assert milk.gains == {"c": 0, "b": 2}  # grades decide where there are some, and not picks
    assert held_out.test[0].gains == {"b": 1}


def test_more_questions_than_the_limit_are_drawn_by_hash(write_examples: Write) -> None:
    rows = [ranked_list(f"question {number}") for number in range(20)]
    reranker = write_examples("reranker", dev=rows[:10], test=rows[10:])
    every, some = read(reranker=reranker), read(4, reranker=reranker)
    assert len(every.dev) == 10
    assert [row.query for row in some.dev] == [row.query for row in every.dev][:4]


def test_documents_that_only_train_showed_fill_the_corpus_up_to_its_limit(
    write_examples: Write,
) -> None:
    reranker = write_examples(
        "reranker",
        train=[ranked_list("rice", "c", "d")],
        dev=[ranked_list("bread", "a")],
        test=[ranked_list("tea", "b")],
    )
    held_out = read(documents=3, reranker=reranker)
    assert [*held_out.corpus.texts] == ["b", "a", "c"]


def test_an_embedder_alone_is_judged_by_its_lists_with_texts_as_urls(
    write_examples: Write,
) -> None:
    lists = [
        {"kind": "list", "query": query, "documents": ["x", "y"], "picked": [False, True]}
        | {"record": "lists.json:1"}
        for query in ("bread", "tea")
    ]
    embedder = write_examples("embedder", dev=lists[:1], test=lists[1:])
    held_out = read(embedder=embedder)
    assert held_out.dev[0].gains == {"y": 1}
    assert held_out.corpus.texts == {"x": "x", "y": "y"}


def test_a_catalog_alone_is_searched_for_the_variables_of_alternative_names(
    write_examples: Write,
) -> None:
    names = [
        {"kind": "query", "text": text, "dcids": ["Jobs"], "sources": ["a.csv:2"]}
        for text in ("no work", "jobless")
    ]
    embedder = write_examples(
        "embedder",
        dev=names[:1],
        test=names[1:],
        corpus=[{"dcid": "Jobs", "text": "Unemployment."}, {"dcid": "Jobs", "text": "Out of work"}],
    )
    held_out = read(embedder=embedder)
    assert held_out.test[0].gains == {"Jobs": 1}
    assert held_out.corpus.texts == {"Jobs": "Unemployment. Out of work"}
    assert held_out.corpus.titles == {"Jobs": "Unemployment."}


def test_no_common_question_is_one_line_that_says_what_to_do(write_examples: Write) -> None:
    reranker = write_examples("reranker", dev=[ranked_list("bread")])
    with pytest.raises(InputError, match=r"no question is in test of every model \(reranker\)"):
        read(reranker=reranker)
