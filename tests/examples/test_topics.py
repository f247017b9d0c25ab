"""Questions of one topic are found by their words, by a named topic and by their judgments."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.core.records import Record
from findtune.examples import topics as topics_module
from findtune.examples.topics import find_topics, topic_of

Grades = dict[str, dict[str, int]]


def grouped(questions: dict[str, str | None], qrels: Grades | None = None) -> list[set[str]]:
    """Return the questions of each topic; questions: query -> named topic."""
    records: list[Record] = [
        {"query": query, "topic": topic} if topic is not None else {"query": query}
        for query, topic in questions.items()
    ]
    topics = find_topics(records, qrels or {})
    groups: dict[str, set[str]] = {}
    for record in records:
        groups.setdefault(topic_of(record, topics), set()).add(record["query"])
    return sorted(groups.values(), key=sorted)


def relevant(documents: str, grade: int = 1) -> dict[str, int]:
    """Return grades; a letter is a document."""
    return dict.fromkeys(documents, grade)


def test_a_question_that_shares_nothing_is_its_own_topic() -> None:
    questions = {"tea": None, "rice": "", "rent": ""}  # no topic is no topic in common
    assert grouped(questions, {"tea": relevant("abc"), "rice": relevant("def")}) == [
        {"rent"},
        {"rice"},
        {"tea"},
    ]
    assert find_topics([], {}) == {}


def test_near_duplicates_and_questions_with_one_named_topic_share_it() -> None:
    questions = {"tea of men": None, "Men, teas?": "7", "rice": "7", "rent": "8"}
    assert grouped(questions) == [{"Men, teas?", "rice", "tea of men"}, {"rent"}]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rents in México", "Mexico rents in"),
        ("서울의 인구는?", "서울 인구"),
        ("عَدَد السكان", "عدد السكان"),
        ("ประชากร\u200bไทย", "ประชากรไทย"),
    ],
)
def test_spellings_of_one_question_share_a_topic(first: str, second: str) -> None:
    assert grouped({first: None, second: None, "rent": None}) == sorted(
        [{first, second}, {"rent"}], key=sorted
    )


def test_a_new_question_moves_no_old_one_of_its_named_topic() -> None:
    records: list[Record] = [{"query": "tea", "topic": "7"}, {"query": "rice", "topic": "7"}]
    for old in (records[:1], records):
        before = find_topics(old, {})
        after = find_topics([*old, {"query": "apple", "topic": "7"}], {})
        assert [topic_of(row, after) for row in old] == [topic_of(row, before) for row in old]


OTHERS = [  # documents, whether a question with them has the topic of one with a, b, c and d
    ("abcd", True),
    ("abcxy", True),  # 3 of 6
    ("abcxyz", False),  # 3 of 7
    ("abxy", False),  # 2 are too few
]


@pytest.mark.parametrize(("others", "shared"), OTHERS)
def test_questions_to_which_nearly_the_same_documents_are_relevant_share_a_topic(
    others: str, shared: bool
) -> None:
    questions: dict[str, str | None] = {"tea": None, "rice": None}
    groups = grouped(questions, {"tea": relevant("abcd"), "rice": relevant(others)})
    assert groups == ([{"rice", "tea"}] if shared else [{"rice"}, {"tea"}])
    # what nobody needs has nothing in common
    not_relevant = {"tea": relevant("abcd", 0), "rice": relevant(others)}
    assert grouped(questions, not_relevant) == [{"rice"}, {"tea"}]


def test_two_relevant_documents_are_no_topic_even_if_there_are_no_others() -> None:
    qrels = {"tea": relevant("ab"), "rice": relevant("ab")}
    assert grouped({"tea": None, "rice": None}, qrels) == [{"rice"}, {"tea"}]


def test_a_document_that_answers_everything_tells_no_topics_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions: dict[str, str | None] = dict.fromkeys(("tea", "rice", "rent"))
    qrels = dict.fromkeys(questions, relevant("abc"))
    assert grouped(questions, qrels) == [set(questions)]
    monkeypatch.setattr(topics_module, "MAX_QUESTIONS", 2)
    assert grouped(questions, qrels) == [{"rent"}, {"rice"}, {"tea"}]


@given(
    order=st.permutations(("tea", "rice", "rent", "Teas")),
    named=st.lists(st.sampled_from(("", "1", "2")), min_size=4, max_size=4),
)
def test_topics_are_transitive_and_do_not_depend_on_the_order(
    order: list[str], named: list[str]
) -> None:
    by_query = dict(zip(("tea", "rice", "rent", "Teas"), named, strict=True))
    qrels = {"rice": relevant("abc"), "rent": relevant("abc")}
    records = [{"query": query, "topic": by_query[query]} for query in order]
    topics = find_topics(records, qrels)
    assert topics == find_topics([*reversed(records)], qrels)
    for first, second in combinations(records, 2):
        if first["topic"] and first["topic"] == second["topic"]:
            assert topic_of(first, topics) == topic_of(second, topics)
    assert topic_of({"query": "rice"}, topics) == topic_of({"query": "rent"}, topics)
    assert not {*topics} & {*topics.values()}
