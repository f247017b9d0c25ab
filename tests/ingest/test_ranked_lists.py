"""A clean ranked list has the documents shown, in order, and the picks among them."""

from typing import Any

import pytest

from findtune.ingest import documents

A, B, C, Y, Z = (f"https://example.org/{name}" for name in "abcyz")


def test_a_ranked_list_keeps_its_order_and_its_picks(project: Any) -> None:
    fields = {"positive_sources": [C, A], "negative_sources": [], "device": "someone"}
    record, outcome = project.clean_one("ranked_lists", **fields)
    assert record == {
        "query": "how much tea?",
        "sources": [
            project.document(name, rank=rank, score=None, query_used="")
            for rank, name in enumerate("abc", start=1)
        ],
        "history": [],
        "topic": "",
        "picks": [C, A],
        "refused": [],
        "record": "data/training_data/reranker_training_data.json:1",
        "timestamp": "2025-01-31T12:00:00Z",
    }
    assert outcome.rows == []
    assert +outcome.counts == {"records": 1, "documents": 3, "picks": 2}


def test_a_document_that_was_neither_picked_nor_refused_stays(project: Any) -> None:
    for logged, refused in (([A], [A]), (None, [])):
        record, outcome = project.clean_one("ranked_lists", negative_sources=logged)
        assert [document["url"] for document in record["sources"]] == [A, B, C]
        assert (record["refused"], outcome.rows) == (refused, [])


def test_a_document_both_picked_and_refused_is_left_out(project: Any) -> None:
    choice = {"positive_sources": [A, B], "negative_sources": [A, C]}
    record, outcome = project.clean_one("ranked_lists", **choice)
    assert [document["url"] for document in record["sources"]] == [B, C]
    assert (record["picks"], record["refused"]) == ([B], [C])
    assert outcome.changes == [("dropped", "positive_sources", A)]
    assert "both picked and refused" in outcome.rows[0].reason


NEVER_SHOWN = [("dropped", "positive_sources", Z), ("dropped", "negative_sources", Y)]


@pytest.mark.parametrize("picks", [["d-2"], "d-2", [{"id": "d-2"}]])
def test_a_pick_may_be_the_id_of_a_document_that_has_a_url_too(project: Any, picks: object) -> None:
    shown = [project.document(name, id=f"d-{number}") for number, name in enumerate("abc", 1)]
    choice = {"positive_sources": picks, "negative_sources": ["d-3", "d-1"]}
    record, outcome = project.clean_one("ranked_lists", all_sources=shown, **choice)
    assert (record["picks"], record["refused"], outcome.rows) == ([B], [C, A], [])


def test_a_number_is_the_id_of_a_document_with_a_url_and_an_id_of_two_is_none(project: Any) -> None:
    shown = [project.document(name, id=number) for number, name in enumerate("abc")]
    shown += [project.document(name, id=5) for name in "yz"]
    record, outcome = project.clean_one("ranked_lists", all_sources=shown, positive_sources=[1, 5])
    assert record["picks"] == [B]
    assert [row.reason for row in outcome.rows] == ["expected a URL, found a number"]


def test_a_url_that_holds_another_one_is_one_pick(project: Any) -> None:
    url = "https://example.org/compare/https://a.example,https://b.example"
    shown = [{"url": url}, project.document("b")]
    record, outcome = project.clean_one("ranked_lists", all_sources=shown, positive_sources=url)
    assert record["picks"] == [url]


def test_a_page_that_was_shown_in_two_spellings_and_picked_in_one_is_picked(project: Any) -> None:
    shown = [project.document(name) for name in ("a", "a/", "b")]
    choice = {"positive_sources": [A], "negative_sources": [f"{A}/", B]}
    record, outcome = project.clean_one("ranked_lists", all_sources=shown, **choice)
    assert (record["picks"], record["refused"]) == ([A], [B])
    assert outcome.rows == []


@pytest.mark.parametrize(
    ("picks", "refused", "changes"),
    [
        ([Z, B], [Y], NEVER_SHOWN),
        ([B, f" {B} "], [], []),
        ([{"url": B, "title": "B"}], [], []),
        ([B, None], [], [("dropped", "positive_sources[1]", "nothing")]),
        ([{"url": 1}, B], [], [("dropped", "positive_sources[0]", "an object")]),
    ],
)
def test_a_choice_is_a_url_that_was_shown_or_its_document_and_counts_once(
    project: Any, picks: list[object], refused: list[object], changes: list[Any]
) -> None:
    choice = {"positive_sources": picks, "negative_sources": refused}
    record, outcome = project.clean_one("ranked_lists", **choice)
    assert (record["picks"], record["refused"]) == ([B], [])
    assert outcome.changes == changes
    if changes == NEVER_SHOWN:
        assert {row.reason for row in outcome.rows} == {"a URL that was never shown"}


def test_a_document_with_the_text_of_a_picked_one_is_no_negative(project: Any) -> None:
    shown = [
        project.document("a", title="Tea, by county", snippet="The cups of 2020"),
        project.document("b", title="tea by counties", snippet="Cup of 2020."),
        project.document("c", title="Tea, by county", snippet="The cups of 2021"),
        {"url": Z},
    ]
    lists = {"all_sources": shown, "negative_sources": [A, C, Z]}
    record, outcome = project.clean_one("ranked_lists", **lists)
    assert [source["url"] for source in record["sources"]] == [B, C, Z]
    assert record["refused"] == [C, Z]
    assert outcome.changes == [("dropped", "all_sources", A)]


def test_copies_of_a_pick_stay_where_nothing_else_was_shown(project: Any) -> None:
    shown = [project.document(name, title="Tea", snippet="Cups.") for name in "ab"]
    record, outcome = project.clean_one("ranked_lists", all_sources=shown, negative_sources=[])
    assert [source["url"] for source in record["sources"]] == [A, B]
    assert outcome.changes == [("kept", "all_sources", A)]


def test_two_documents_without_a_text_say_not_the_same(project: Any) -> None:
    record, outcome = project.clean_one("ranked_lists", all_sources=[A, B, C])
    assert [source["url"] for source in record["sources"]] == [A, B, C]
    assert outcome.rows == []


NO_PICKS: list[tuple[dict[str, object], str]] = [
    ({"positive_sources": []}, "records without a pick"),
    ({"positive_sources": None}, "records without a pick"),
    ({"positive_sources": [A, B, C], "negative_sources": []}, "records in which every document"),
    ({"all_sources": [B], "negative_sources": None}, "records in which every document"),
    ({"query": "???"}, "questions without a letter or digit"),
    ({"query": "nan"}, "questions that are a word for nothing, such as nan"),
]


@pytest.mark.parametrize(("fields", "reason"), NO_PICKS)
def test_a_list_that_teaches_nothing_is_dropped_and_is_no_reject(
    project: Any, fields: dict[str, object], reason: str
) -> None:
    records = [project.ranked_list(**fields, user=number) for number in range(9)]
    outcome = project.clean("ranked_lists", *records, project.ranked_list("milk?"))
    assert [record["query"] for record in outcome.records] == ["milk?"]
    assert {row.action for row in outcome.rows} == {"dropped"}
    assert all(row.reason.startswith(reason) for row in outcome.rows)
    assert outcome.counts["rejected"] == 0


@pytest.mark.parametrize(
    ("shown", "picks", "refused"),
    [
        (
            [{"id": 17, "title": "T"}, {"id": 18, "title": "U"}, {"id": 19, "title": "V"}],
            [17, 18],
            [17],
        ),
        ([A, B, C], [B, C], [f"{B}/"]),
        ([{"url": A}, {"url": B, "id": 2}, {"url": C}], [2, C], [B]),
    ],
)
def test_a_page_that_was_shown_once_is_not_picked_and_refused(
    project: Any, shown: list[object], picks: list[object], refused: list[object]
) -> None:
    choice = {"all_sources": shown, "positive_sources": picks, "negative_sources": refused}
    record, outcome = project.clean_one("ranked_lists", **choice)
    assert len(record["sources"]) == 2
    assert "both picked and refused" in outcome.rows[0].reason


@pytest.mark.parametrize("picked", [[B], B, [{"url": B, "title": "B"}], [f"{B}/#top", Z]])
def test_picks_under_another_key_are_a_reject_that_names_the_key(
    project: Any, picked: object
) -> None:
    record = project.ranked_list(negative_sources=None, clicked_sources=picked)
    del record["positive_sources"]
    [row] = project.clean("ranked_lists", record).rows
    assert (row.action, row.column) == ("rejected", "positive_sources")
    assert "clicked_sources names documents that were shown" in row.reason
    assert row.remedy.startswith("rename clicked_sources to positive_sources, if")


@pytest.mark.parametrize(
    "fields",
    [
        {"negative_sources": [B]},
        {"positive_sources": [], "clicked_sources": [B]},
        {"retrieved": [C, B, A]},
        {"top_result": B, "page": B, "skipped": [C], "not_clicked": [C], "irrelevant": [C]},
        {"NegativeSources": [B]},
        {"retrieved": [Z], "terms": ["tea", 1, None], "clicked": "no"},
    ],
)
def test_another_key_that_can_not_be_the_picks_leaves_a_list_without_a_pick(
    project: Any, fields: dict[str, object]
) -> None:
    record = project.ranked_list(**{"negative_sources": None, "positive_sources": None, **fields})
    [row] = project.clean("ranked_lists", record).rows
    assert (row.action, row.reason) == ("dropped", "records without a pick")


def test_picks_that_always_stand_first_are_reported_once(project: Any) -> None:
    def lists(first: int, other: int) -> list[Any]:
        picks = [[B] if number < other else [B, A][number % 2 :] for number in range(first + other)]
        return [
            project.ranked_list(f"tea {number}?", positive_sources=pick, negative_sources=None)
            for number, pick in enumerate(picks)
        ]

    outcome = project.clean("ranked_lists", *lists(20, 1))
    [row] = outcome.rows
    assert (row.action, row.reason[:51]) == (
        "kept",
        "in 20 of 21 lists the picks stand first: either use",
    )
    assert project.clean("ranked_lists", *lists(20, 2)).rows == []
    assert project.clean("ranked_lists", *lists(19, 0)).rows == []


def test_the_same_query_with_another_choice_or_order_is_another_record(project: Any) -> None:
    other_pick = project.ranked_list(positive_sources=[A], negative_sources=[])
    other_order = project.ranked_list(all_sources=[*map(project.document, "cba")])
    outcome = project.clean("ranked_lists", project.ranked_list(), other_pick, other_order)
    assert [record["query"] for record in outcome.records] == ["how much tea?"] * 3
    assert outcome.rows == []


# How a document was shown


def shown_fields(project: Any, *sources: dict[str, Any]) -> tuple[list[list[Any]], Any]:
    """Return url, rank, score and query_used of each clean document, and the outcome."""
    listed = [project.document(name) | extra for name, extra in zip("abcd", sources, strict=False)]
    choice = {"positive_sources": [listed[0]["url"]], "negative_sources": []}
    clean, outcome = project.clean_one("ranked_lists", all_sources=listed, **choice)
    fields = ("url", "rank", "score", "query_used")
    return [[source[name] for name in fields] for source in clean["sources"]], outcome


def test_the_ranks_of_a_record_order_its_documents_when_all_have_one(project: Any) -> None:
    a, b, c = (project.document(name)["url"] for name in "abc")
    shown, _ = shown_fields(project, {"rank": 3}, {"rank": 1}, {"rank": 7})
    assert [row[:2] for row in shown] == [[b, 1], [a, 3], [c, 7]]
    shown, _ = shown_fields(project, {"position": 9}, {"position": 2}, {"position": 4, "rank": 1})
    assert [row[:2] for row in shown] == [[b, 2], [c, 4], [a, 9]]


@pytest.mark.parametrize("ranks", [[2, 0, 1], [3.0, 1, 2], ["3", "1", "2"]])
def test_a_rank_may_count_from_0_or_be_written_as_a_text(project: Any, ranks: list[Any]) -> None:
    shown, _ = shown_fields(project, *({"rank": rank} for rank in ranks))
    assert [row[:2] for row in shown] == [[B, 1], [C, 2], [A, 3]]


@pytest.mark.parametrize(
    ("rank", "score", "used"),
    [
        ("Rank", "Score", "Query_Used"),
        ("POSITION", "SCORE", "queryUsed"),
        ("rank", "_score", "Query used"),
    ],
)
def test_how_a_source_was_shown_is_read_in_any_case(
    project: Any, rank: str, score: str, used: str
) -> None:
    sources = [{rank: place, score: place / 2, used: f"tea {place}"} for place in (3, 1, 2)]
    shown, outcome = shown_fields(project, *sources)
    places = [(B, 1), (C, 2), (A, 3)]
    assert shown == [[url, place, place / 2, f"tea {place}"] for url, place in places]
    assert outcome.rows == []


def test_sources_of_one_list_may_spell_a_field_differently_and_the_usual_spelling_counts(
    project: Any,
) -> None:
    sources = [{"rank": 2, "Score": 1}, {"Rank": 1, "score": 2, "SCORE": 9}, {"RANK": 3}]
    shown, _ = shown_fields(project, *sources)
    assert [row[:3] for row in shown] == [[B, 1, 2], [A, 2, 1], [C, 3, None]]


NO_RANKS: list[list[Any]] = [[3, 3, 1], [3, None, 1], [2, -1, 1], [2.5, 3, 1], [3, True, 2]]


@pytest.mark.parametrize("position", NO_RANKS)
def test_documents_are_in_the_order_of_the_record_unless_all_have_a_rank_of_their_own(
    project: Any, position: list[Any]
) -> None:
    shown, outcome = shown_fields(project, *({"position": value} for value in position))
    assert [row[:2] for row in shown] == [[A, 1], [B, 2], [C, 3]]
    assert outcome.rows == []


def test_a_dropped_document_leaves_the_ranks_of_the_others_and_a_duplicate_keeps_its_first(
    project: Any,
) -> None:
    for ranks, expected in (([], [1, 3]), ([4, 2, 7, 3], [3, 7])):
        sources = [{}, {"url": "http://"}, {}, {"url": A, "score": 5}]
        for source, rank in zip(sources, ranks, strict=False):
            source["rank"] = rank
        shown, outcome = shown_fields(project, *sources)
        assert [row[:2] for row in shown] == [[A, expected[0]], [C, expected[1]]]
        assert shown[0][2] == (5 if ranks else None)  # of the copy that was shown first
        assert [change[0] for change in outcome.changes] == ["dropped"]


def test_a_bad_score_or_query_used_is_reported_and_left_empty(project: Any) -> None:
    good, bad = {"score": 2, "query_used": "tea"}, {"score": "high", "query_used": 3}
    shown, outcome = shown_fields(project, good, bad, {"score": 1e301}, {"score": True})
    assert [row[2:] for row in shown] == [[2.0, "tea"], *[[None, ""]] * 3]
    columns = ["[1].score", "[1].query_used", "[2].score", "[3].score"]
    assert [(row.action, row.column) for row in outcome.rows] == [
        ("kept", f"all_sources{column}") for column in columns
    ]


def test_only_ranked_lists_keep_how_a_document_was_shown(project: Any) -> None:
    shown = project.document("b", rank=4, position=4, score="high", query_used=3)
    mapping = {"tea": {"query": "tea", "sources": [shown]}}
    changes = {"query_source_mapping": mapping, "selected_sources": [B]}
    record, outcome = project.clean_one("searches", **changes)
    assert record["searches"] == [{"query": "tea", "sources": [project.document("b")]}]
    assert outcome.rows == []


def test_a_session_and_a_user_are_kept_as_hashes_that_tell_who_asked(project: Any) -> None:
    records = [
        {"session_id": "s1", "user": 7},
        {"session_id": "s1", "userId": "x", "timestamp": "2025-02-01"},
        {"Session": "s1", "user": None, "timestamp": "2025-02-02"},
        {"timestamp": "2025-02-03", "request_id": "r"},
    ]
    clean = [project.clean_one("ranked_lists", **fields)[0] for fields in records]
    askers = [record.get("asked_by", []) for record in clean]
    assert [len(row) for row in askers] == [2, 2, 1, 0]
    assert len({row[0] for row in askers if row}) == 1  # the session
    assert askers[0][1] != askers[1][1]
    assert "s1" not in "".join(asker.partition(":")[2] for row in askers for asker in row)


@pytest.mark.parametrize("name", ["anonymous", "None", "null", "-", "", 0, True, None, [1]])
def test_a_name_that_stands_for_nobody_is_no_person(project: Any, name: object) -> None:
    assert "asked_by" not in project.clean_one("ranked_lists", user=name)[0]


def test_a_session_is_the_same_as_a_number_and_as_text(project: Any) -> None:
    clean = [
        project.clean_one("ranked_lists", **{key: value, "timestamp": f"2025-02-0{day}"})[0]
        for day, (key, value) in enumerate(
            [("session_id", 12), ("sessionId", 12.0), ("session_id", " 12 ")], start=1
        )
    ]
    assert len({record["asked_by"][0] for record in clean}) == 1


@pytest.mark.parametrize(
    ("message", "history"),
    [
        ({"role": "User", "content": "tea?"}, ["tea?"]),
        ({"type": "human", "content": "tea?"}, ["tea?"]),
        ({"type": "ai", "content": "The answer is 5."}, []),
        ({"sender": "bot", "text": "The answer is 5."}, []),
        ({"speaker": "someone", "text": "The answer is 5."}, []),
    ],
)
def test_of_a_chat_only_what_a_user_says_is_an_earlier_question(
    project: Any, message: dict[str, str], history: list[str]
) -> None:
    record, outcome = project.clean_one("ranked_lists", history=[message])
    assert record["history"] == history
    assert len(outcome.rows) == ("someone" in message.values())


def test_picks_that_were_never_shown_are_looked_for_once_a_record(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(documents, "addresses_by_id", lambda items: calls.append(1) or {})
    refused = [f"https://example.org/unknown{number}" for number in range(50)]
    project.clean_one("ranked_lists", negative_sources=refused)
    assert len(calls) == 1
