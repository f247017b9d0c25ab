"""The rewriter's pairs: a search is learned if it found more of what was picked, and why is told.

A letter is a source; what a search brings is a word of letters.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune import params
from findtune.entities import entities, keeps
from findtune.errors import InputError
from findtune.files import read_json, read_jsonl, write_json, write_jsonl
from findtune.records import Record
from findtune.rewriter.pairs import Choices, leaks, part_of, shown, write
from findtune.splits import PARTS, Shares, near

CUT: dict[str, Any] = {"dev": 0.2, "test": 0.3, "fold": 0}
CHOICES: dict[str, Any] = {
    "questions": CUT,
    "gains": [3, 2, 1],
    "targets": 2,
    "identities": 0.4,
    "titles": {"picks": 0, "weight": 0.5},
    "pool": 100,
}


def url(name: object) -> str:
    return f"https://example.org/{name}"


def source(name: str, title: str = "", snippet: str = "") -> dict[str, str]:
    return {"url": url(name), "title": title or f"On {name}.", "snippet": snippet or f"all {name}"}


def asked(query: str, searches: Mapping[str, str], picks: str = "a", number: int = 1) -> Record:
    """Return clean searches; the question's own one brings what `own` does."""
    return {
        "query": query,
        "record": f"feedback.json:{number}",
        "selected": [url(name) for name in picks],
        "searches": [
            {"query": query if it == "own" else it, "sources": [source(name) for name in brought]}
            for it, brought in searches.items()
        ],
    }


def question_in(part: str, words: str = "question", fold: int = 0) -> str:
    """Return a question that the split puts into a part; no number, since a rewrite keeps those."""
    asks = (f"{words} {'o' * number}" for number in count(1))
    shares = Shares(**CUT | {"fold": fold})
    return next(ask for ask in asks if part_of({"query": ask}, shares) == part)


LEARNED, DEV_QUESTION, TEST_QUESTION = map(question_in, PARTS)
TRAIN = asked(LEARNED, {"own": "b", "tea": "ab"}, number=1)
DEV = asked(DEV_QUESTION, {"own": "c", "rice": "d"}, "c", number=2)
TEST = asked(TEST_QUESTION, {"own": "e", "pay": "f"}, "f", number=3)


def written(
    folder: Path,
    records: Iterable[Record],
    corpus: Iterable[Record] = (),
    judged: dict[str, dict[str, int]] | None = None,
    **more: Any,
) -> dict[str, list[Record]]:
    """Return the records of each part that are made of clean searches."""
    write_jsonl(folder / "clean" / "rewriting.jsonl", records)
    write_jsonl(folder / "clean" / "corpus.jsonl", corpus)
    write_json(folder / "clean" / "qrels.json", judged or {})
    write(folder / "clean", folder / "pairs", Choices(**CHOICES | more))
    return {name: read_jsonl(folder / "pairs" / f"{name}.jsonl") for name in PARTS}


def of_kind(found: Mapping[str, list[Record]], kind: str) -> list[Record]:
    """Return what train has of a kind."""
    return [it for it in found["train"] if it["kind"] == kind]


def learned(folder: Path, record: Record, kind: str = "rewrite", **more: Any) -> list[Any]:
    """Return the targets of one record of train, each with its weight."""
    found = of_kind(written(folder, [record, TRAIN, DEV, TEST], **more), kind)
    mine = [it for it in found if it["query"] == record["query"]]
    return [(it["target"], pytest.approx(it["weight"])) for it in mine]


def pooled(folder: Path) -> list[str]:
    return [it["url"][-1] for it in read_jsonl(folder / "pairs" / "pool.jsonl")]


ANOTHER = question_in("train", "another")

# Which searches are learned


def test_the_searches_that_found_most_are_learned_by_their_margin(tmp_path: Path) -> None:
    searches = {"own": "x", "second": "b", "none": "xyz", "first": "xa", "both": "yab"}
    record = asked(ANOTHER, searches, "ab")
    assert learned(tmp_path, record) == [("both", 1), ("first", 3 / 5)]
    assert learned(tmp_path, record, targets=9)[2:] == [("second", 2 / 5)]


def test_only_what_beats_the_questions_own_search_is_learned(tmp_path: Path) -> None:
    record = asked(ANOTHER, {"own": "b", "worse": "c", "same": "b", "first": "a"}, "abc")
    assert learned(tmp_path, record) == [("first", 3 / 6 - 2 / 6)]


def test_a_pick_beyond_the_gains_is_worth_as_much_as_the_last(tmp_path: Path) -> None:
    record = asked(ANOTHER, {"third": "c", "second": "b"}, "abc")
    assert learned(tmp_path, record, gains=[3, 1]) == [("third", 1 / 5), ("second", 1 / 5)]


def test_of_equals_the_shorter_then_the_earlier_one_is_first(tmp_path: Path) -> None:
    record = asked(ANOTHER, {"green tea": "a", "milk": "a", "cup": "a", "a cup of tea": "a"})
    targets = [target for target, _ in learned(tmp_path, record, targets=9)]
    assert targets == ["milk", "cup", "green tea", "a cup of tea"]


def test_a_question_that_was_never_searched_has_found_nothing(tmp_path: Path) -> None:
    assert learned(tmp_path, asked(ANOTHER, {"cup": "b"}, "ab")) == [("cup", 2 / 5)]


def test_the_question_in_another_writing_is_its_own_search_and_no_target(tmp_path: Path) -> None:
    searches = {f" {ANOTHER.upper()}?!": "b", "cup": "a"}
    assert learned(tmp_path, asked(ANOTHER, searches, "ab")) == [("cup", 3 / 5 - 2 / 5)]


def test_a_search_that_loses_a_number_is_not_learned_and_the_next_one_is(tmp_path: Path) -> None:
    query = question_in("train", "cups in 2019")
    record = asked(query, {"cups": "ab", "cups 2018": "ab", "2019 cups": "a"}, "ab")
    assert learned(tmp_path, record, targets=1) == [("2019 cups", 3 / 5)]


NAIROBI = [source(name, snippet="The town of Nairobi.") for name in "xy"]


def test_a_search_that_loses_a_name_is_not_learned(tmp_path: Path) -> None:
    query = question_in("train", "cups in nairobi")
    record = asked(query, {"cups": "ab", "cups nairobi": "a"}, "ab")
    assert learned(tmp_path / "known", record, corpus=NAIROBI) == [("cups nairobi", 3 / 5)]
    assert len(learned(tmp_path / "unknown", record)) == 2


def test_the_names_of_the_pool_are_written_down(tmp_path: Path) -> None:
    towns = ["Perth", "Essen", "Turin", "Lyon", "Oslo", "Æbeltoft"]
    corpus = [source(town, snippet=f"in {town} or {town} bay") for town in towns]
    written(tmp_path, [TRAIN, DEV, TEST], corpus)
    names = ["essen", "lyon", "oslo", "perth", "turin", "æbeltoft"]
    assert read_json(tmp_path / "pairs" / "names.json") == names


@pytest.mark.parametrize("held_out", [DEV_QUESTION, TEST_QUESTION])
def test_a_search_near_a_held_out_question_is_not_learned(tmp_path: Path, held_out: str) -> None:
    words = " of the ".join(reversed(held_out.upper().split()))
    assert near(words) == near(held_out)
    record = asked(ANOTHER, {"own": "", words: "ab", "cup": "a"}, "ab")
    assert learned(tmp_path, record) == [("cup", 3 / 5)]


# The question itself


WINNERS = [
    asked(question_in("train", word), {"own": "a", "cup": "b"}, number=at)
    for at, word in enumerate(["tea", "milk", "bread", "rent", "rain", "ships"], start=10)
]


@pytest.mark.parametrize(("share", "most"), [(0, 0), (0.3, 0), (0.5, 1), (0.75, 3), (0.99, 6)])
def test_questions_that_won_are_learned_up_to_a_share_of_all(
    tmp_path: Path, share: float, most: int
) -> None:
    found = written(tmp_path, [TRAIN, DEV, TEST, *WINNERS], identities=share)
    identities = of_kind(found, "identity")
    assert len(of_kind(found, "rewrite")) == 1
    assert len(identities) == most
    for it in identities:
        assert (it["target"], it["weight"]) == (it["query"], 1)
        assert it["why"] == "no search found more than the question"
        assert it["query"] != LEARNED  # it lost


# Titles


def titled(folder: Path, query: str, **titles: str) -> list[Any]:
    """Return the titles learned of three picks, of which some have a title of their own."""
    record = asked(query, {"own": "abcd"}, "cabd")
    for it in record["searches"][0]["sources"]:
        it["title"] = titles.get(it["url"][-1], it["title"])
    choice = {"picks": 3, "weight": 0.6}
    return learned(folder, record, "title", corpus=NAIROBI, titles=choice)


def test_the_titles_of_the_first_picks_weigh_less_with_each_place(tmp_path: Path) -> None:
    assert titled(tmp_path, ANOTHER) == [("On c.", 0.6), ("On a.", 0.3), ("On b.", 0.2)]


def test_a_pick_without_a_title_is_passed_over_and_keeps_its_place(tmp_path: Path) -> None:
    assert titled(tmp_path, ANOTHER, a="") == [("On c.", 0.6), ("On b.", 0.2)]


def test_a_title_may_lack_a_name_since_it_teaches_how_answers_are_worded(tmp_path: Path) -> None:
    found = titled(tmp_path, question_in("train", "cups in nairobi"), c="Nairobi's cups")
    assert found == [("Nairobi's cups", 0.6), ("On a.", 0.3), ("On b.", 0.2)]


def test_a_title_that_is_nearly_a_held_out_question_is_not_learned(tmp_path: Path) -> None:
    found = titled(tmp_path, ANOTHER, c=f"The {TEST_QUESTION}.", b=DEV_QUESTION.upper())
    assert found == [("On a.", 0.3)]


def test_a_pick_has_the_title_that_some_search_told(tmp_path: Path) -> None:
    searches = {"own": "a", "tea": "a"}
    for places in ((0, 1), (1, 0)):
        record = asked(ANOTHER, searches, "a")
        for place, title in zip(places, ("Cups", ""), strict=True):
            record["searches"][place]["sources"][0]["title"] = title
        folder = tmp_path / str(places[0])
        found = learned(folder, record, "title", titles={"picks": 1, "weight": 1})
        assert found == [("Cups", 1)]


# Preferences


def preferred(folder: Path, record: Record) -> list[tuple[str, str, Any]]:
    found = of_kind(written(folder, [record, TRAIN, DEV, TEST]), "preference")
    mine = [it for it in found if it["query"] == record["query"]]
    return [(it["better"], it["worse"], pytest.approx(it["margin"])) for it in mine]


def test_the_search_that_found_most_is_better_than_the_least(tmp_path: Path) -> None:
    record = asked(ANOTHER, {"own": "b", "cup": "a", "all": "ab", "none": "x"}, "ab")
    assert preferred(tmp_path, record) == [("all", "none", 1)]


def test_of_equals_the_shortest_is_better_and_the_longest_worse(tmp_path: Path) -> None:
    searches = {"green tea": "a", "tea": "a", "x": "b", "cups of what": "b"}
    assert preferred(tmp_path, asked(ANOTHER, searches, "ab")) == [("tea", "cups of what", 1 / 5)]
    assert preferred(tmp_path, asked(ANOTHER, {"own": "a", "all of it": "xa"})) == []


# The pool


def test_the_pool_holds_the_corpus_first_then_what_searches_brought(tmp_path: Path) -> None:
    corpus = [source("z", "Zeal", "all zeal"), source("e")]
    written(tmp_path, [TRAIN, DEV, TEST], corpus)
    assert pooled(tmp_path) == list("zebacdf")
    [first, *_] = read_jsonl(tmp_path / "pairs" / "pool.jsonl")
    assert first == {"url": url("z"), "title": "Zeal", "text": "all zeal"}


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_source_lacks_in_one_place_is_taken_from_another(tmp_path: Path, order: int) -> None:
    bare = {"url": url("z"), "title": "", "snippet": ""}
    other = {"url": url("z"), "title": "Zeal", "snippet": "all zeal"}
    written(tmp_path, [TRAIN, DEV, TEST], [bare, other][::order])
    [found] = [it for it in read_jsonl(tmp_path / "pairs" / "pool.jsonl") if it["url"] == url("z")]
    assert found == {"url": url("z"), "title": "Zeal", "text": "all zeal"}


def test_what_a_source_said_first_is_kept(tmp_path: Path) -> None:
    corpus = [source("z", "Zeal", "all zeal"), source("z", "Zest", "all zest")]
    written(tmp_path, [TRAIN, DEV, TEST], corpus)
    [first, *_] = read_jsonl(tmp_path / "pairs" / "pool.jsonl")
    assert first == {"url": url("z"), "title": "Zeal", "text": "all zeal"}


def test_grades_of_what_is_not_in_the_pool_do_not_count(tmp_path: Path) -> None:
    found = written(tmp_path, [TRAIN, DEV, TEST], judged={TEST_QUESTION: {url("f"): 3, "x": 3}})
    assert [it["judged"] for it in found["test"]] == [{url("f"): 3}]


def test_a_text_that_is_nearly_a_held_out_question_is_counted_as_a_leak() -> None:
    held_out = {near("rice in Kenya")}
    learned = {"query": "rice in Kenya", "target": "Kenya: the rice", "better": "RICE in Kenya!"}
    assert leaks(learned, held_out) == 2  # the query is train's own
    assert leaks({"query": "tea", "target": "cups"}, held_out) == 0


def test_a_full_pool_still_takes_what_dev_and_test_picked(tmp_path: Path) -> None:
    found = written(tmp_path, [TRAIN, DEV, TEST], [source("y"), source("z")], pool=2)
    assert pooled(tmp_path) == list("yzcf")
    picks = {name: [it["picks"] for it in found[name] if "picks" in it] for name in PARTS}
    assert picks == {"train": [[]], "dev": [[url("c")]], "test": [[url("f")]]}


# The parts


def test_dev_and_test_hold_questions_only_with_their_picks_and_judgments(tmp_path: Path) -> None:
    judged = {TEST_QUESTION: {url("f"): 3, url("e"): 0}, "of nobody": {url("a"): 1}}
    found = written(tmp_path, [TRAIN, DEV, TEST], judged=judged)
    asked_of = {"kind": "question", "query": TEST_QUESTION, "record": "feedback.json:3"}
    graded = judged[TEST_QUESTION]
    assert found["test"] == [asked_of | {"picks": [url("f")], "judged": graded, "seen": []}]
    assert [(it["kind"], it["judged"]) for it in found["dev"]] == [("question", {})]
    assert [it["kind"] for it in found["train"]] == ["question", "rewrite", "preference"]


def test_a_held_out_question_tells_which_of_its_picks_were_picked_in_train(
    tmp_path: Path,
) -> None:
    test = asked(TEST_QUESTION, {"own": "efa", "pay": "b"}, "fab", number=3)
    dev = asked(DEV_QUESTION, {"own": "fc"}, "fc", number=2)
    found = written(tmp_path, [test, dev, TRAIN, asked(ANOTHER, {"own": "f"}, "f", number=4)])
    assert [it["seen"] for it in found["test"]] == [[url("f"), url("a")]]  # b was shown only
    assert [it["seen"] for it in found["dev"]] == [[url("f")]]
    assert not [it for it in found["train"] if "seen" in it]


WORDS = st.sampled_from(["tea", "teas", "Rice", "pay", "Nairobi", "2019", "12", "of", "☕"])
QUESTIONS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
SEARCHES = st.dictionaries(QUESTIONS, st.text("abc", max_size=3), max_size=3)
PICKS = st.sampled_from(["a", "ba", "cab"])


@settings(max_examples=40, deadline=None)
@given(
    made=st.lists(st.tuples(QUESTIONS, SEARCHES, PICKS), max_size=12),
    titles=st.lists(QUESTIONS, min_size=3, max_size=3),
    fold=st.integers(0, 2),
)
def test_nothing_held_out_is_learned_and_every_search_keeps_the_entities(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[str, dict[str, str], str]],
    titles: list[str],
    fold: int,
) -> None:
    needed = [(question_in(name, fold=fold), {"tea": "a"}, "a") for name in PARTS]
    records = [asked(query, {**its, "all": "abc"}, picks) for query, its, picks in needed + made]
    for it in (it for one in records for search in one["searches"] for it in search["sources"]):
        it["title"] = titles["abc".index(it["url"][-1])]
    options: dict[str, Any] = {"titles": {"picks": 2, "weight": 1}, "identities": 0.9}
    folder = tmp_path_factory.mktemp("any")
    found = written(folder, records, NAIROBI, questions=CUT | {"fold": fold}, **options)
    names = frozenset(read_json(folder / "pairs" / "names.json"))
    asked_in = {name: {near(it["query"]) for it in found[name]} for name in PARTS}
    held_out = asked_in["dev"] | asked_in["test"]
    assert not asked_in["train"] & held_out
    assert not asked_in["dev"] & asked_in["test"]
    for it in (it for it in found["train"] if "target" in it):
        assert near(it["target"]) not in held_out
        wanted = entities(it["query"], names)
        assert it["kind"] == "title" or keeps(it["target"], wanted, names)
    for it in (it for it in found["train"] if "better" in it):
        assert not {near(it["better"]), near(it["worse"])} & held_out
    assert read_json(folder / "pairs" / "certificate.json")["learned"] == 0


def test_questions_appended_move_no_old_one(tmp_path: Path) -> None:
    old = [TRAIN, DEV, TEST, *WINNERS]
    new = [asked(f"new {number}", {"own": "a"}, number=number) for number in range(20)]
    before = written(tmp_path / "before", old)
    after = written(tmp_path / "after", [*new, *old])
    for name in PARTS:
        asked_in = [it["query"] for it in after[name] if it["kind"] == "question"]
        kept = [query for query in asked_in if not query.startswith("new")]
        assert kept == [it["query"] for it in before[name] if it["kind"] == "question"]


def test_the_folds_test_every_question_once() -> None:
    choices = Choices(**CHOICES)
    folds = [choices.cut(0.2, fold).questions for fold in range(5)]
    for at in range(50):
        parts = [part_of({"query": f"question {at}"}, shares) for shares in folds]
        assert parts.count("test") == 1
    assert choices.cut(0.2, 1).titles == choices.titles


def test_the_certificate_counts_nothing_shared_and_all_that_there_is(tmp_path: Path) -> None:
    written(tmp_path, [TRAIN, DEV, TEST, *WINNERS], identities=0.5)
    certificate = json.loads((tmp_path / "pairs" / "certificate.json").read_bytes())
    assert certificate == {
        "shared": {"questions": {"dev and test": 0, "train and dev": 0, "train and test": 0}},
        "learned": 0,
        "records": {
            "train": {"question": 7, "judged": 0, "rewrite": 1, "identity": 1, "preference": 7},
            "dev": {"question": 1, "judged": 0},
            "test": {"question": 1, "judged": 0},
        },
    }


@pytest.mark.parametrize("name", PARTS)
def test_an_empty_part_is_told_with_a_remedy(tmp_path: Path, name: str) -> None:
    records = [it for it in (TRAIN, DEV, TEST) if part_of(it, Shares(**CUT)) != name]
    with pytest.raises(InputError, match=f"no question for {name}; add feedback, or") as told:
        written(tmp_path, records)
    assert "rewriting.jsonl" in str(told.value)
    assert not (tmp_path / "pairs").exists()


def test_searches_of_which_none_found_more_stop_the_run_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is nothing to learn; log the searches that"):
        written(tmp_path, [*WINNERS, DEV, TEST])
    assert not (tmp_path / "pairs").exists()


def test_the_same_searches_give_the_same_bytes(tmp_path: Path) -> None:
    outputs = []
    for name in ("one", "two"):
        written(tmp_path / name, [TRAIN, DEV, TEST, *WINNERS], NAIROBI)
        paths = sorted((tmp_path / name / "pairs").iterdir())
        outputs.append({path.name: path.read_bytes() for path in paths})
    assert outputs[0] == outputs[1]
    parts = {f"{name}.jsonl" for name in PARTS}
    assert set(outputs[0]) == parts | {"pool.jsonl", "names.json", "certificate.json"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("gains", []), ("gains", [0]), ("targets", 0), ("identities", 1), ("pool", 0)],
)
def test_a_choice_that_teaches_nothing_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"pair": {**CHOICES, key: value}}), encoding="utf-8")
    with pytest.raises(InputError, match=rf"pair\.{key}"):
        params.read("pair", Choices, path)


def test_shown_tells_of_each_kind_what_it_is_where_it_is_from_and_why(tmp_path: Path) -> None:
    titles = {"picks": 1, "weight": 0.5}
    record = asked(LEARNED, {"own": "b", "tea": "ab", "cup": "x"}, "ab", number=1)
    written(tmp_path, [record, DEV, TEST, *WINNERS], titles=titles, identities=0.5)
    few = shown(tmp_path / "pairs", 1)
    assert [line for line in few if line.endswith(" in train")] == [
        *("question: 7 in train", "rewrite: 1 in train", "title: 7 in train"),
        *("preference: 7 in train", "identity: 6 in train"),
    ]
    assert sum("picked," in line for line in few) == 1
    lines = [" ".join(line.split()) for line in shown(tmp_path / "pairs", 9)]
    assert lines.count(f"{LEARNED} (feedback.json, record 1)") == 4
    assert "2 picked, 0 judged" in lines
    assert "weight 0.60: worth 60% of the picks more tea" in lines
    assert "weight 0.50: a pick's title On a." in lines
    assert "better by 1.00: tea / cup" in lines
    assert "weight 1.00: no search found more than the question tea" in " ".join(lines)


# What was wrong once


def test_the_share_of_identities_counts_only_what_is_really_learned(tmp_path: Path) -> None:
    loses_its_year = asked(question_in("train", "cups in 2019"), {"own": "b", "cups": "ab"})
    winner = asked(question_in("train", "winner"), {"own": "a", "tea": "b"})
    found = written(tmp_path, [loses_its_year, winner, TRAIN, DEV, TEST], identities=0.4)
    assert [it["target"] for it in of_kind(found, "rewrite")] == ["tea"]
    assert of_kind(found, "identity") == []


def test_a_held_out_question_stands_in_no_preference(tmp_path: Path) -> None:
    copied = asked(ANOTHER, {"own": "b", TEST_QUESTION: "a"})
    found = written(tmp_path, [copied, TRAIN, DEV, TEST])
    assert [it["better"] for it in of_kind(found, "preference")] == ["tea"]


def test_the_same_picks_in_another_order_are_worth_the_same(tmp_path: Path) -> None:
    record = asked(ANOTHER, {"own": "abc", "tea": "cba"}, "abc")
    assert learned(tmp_path, record, gains=[0.3, 0.2, 0.1]) == []
