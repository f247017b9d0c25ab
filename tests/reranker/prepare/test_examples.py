"""No example of a held-out question is learned, and every label has a reason."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import read_jsonl, write_jsonl
from findtune.core.records import Record
from findtune.examples.questions import Row
from findtune.examples.splits import SPLITS, SplitShares, assign_split
from findtune.examples.topics import find_topics, topic_of
from findtune.reranker.prepare import survey as survey_module
from findtune.reranker.prepare.examples import PrepareSettings, preview_lines, write_examples
from findtune.reranker.prepare.survey import merge, survey_rows
from findtune.reranker.prepare.title_lists import HELD_OUT_TITLE

SHARES = SplitShares(dev=0.2, test=0.3, fold=0)

Prepare = Callable[..., dict[str, list[Record]]]


def urls(names: str) -> list[str]:
    return [f"https://example.org/{name}" for name in names]


def document(name: str, title: str, snippet: str) -> dict[str, str]:
    return {"url": urls(name)[0], "title": title, "snippet": snippet}


def clean_list(query: str, shown: str = "abcdef", picks: str = "c", number: int = 1) -> Record:
    """Return a clean list; each letter is a document."""
    return {
        "query": query,
        "record": f"feedback.json:{number}",
        "sources": [
            {**document(name, f"On {name}.", f"All {name}"), "rank": rank}
            for rank, name in enumerate(shown, start=1)
        ],
        "picks": urls(picks),
    }


def split_of(ranked_list: Record, shares: SplitShares) -> str:
    return assign_split(topic_of(ranked_list, find_topics([ranked_list], {})), shares)


def question_in(split: str, words: str = "question") -> str:
    questions = (f"{words} {number}" for number in count())
    return next(query for query in questions if split_of({"query": query}, SHARES) == split)


TRAIN, DEV, TEST = (clean_list(question_in(split)) for split in SPLITS)


@pytest.fixture
def prepare(settings: dict[str, Any], tmp_path: Path) -> Prepare:
    """The function that prepares clean lists and returns the examples of each split."""

    def run(lists: list[Record], qrels: Record | None = None, **changes: Any) -> Any:
        grades = [{"query": query, "grades": by_url} for query, by_url in (qrels or {}).items()]
        clean, out = tmp_path / "clean", tmp_path / "examples"
        write_jsonl(clean / "ranked_lists.jsonl", lists)
        write_jsonl(clean / "judgments.jsonl", grades)
        no_titles = {"title_lists": {"count": 0, "hard_negatives": 2}}
        write_examples(clean, out, PrepareSettings(**settings | no_titles | changes))
        return {split: read_jsonl(out / f"{split}.jsonl") for split in SPLITS}

    return run


# Splits


def test_near_duplicate_questions_share_a_split_in_every_fold(settings: dict[str, Any]) -> None:
    values = PrepareSettings(**settings)
    folds = [values.with_fold(0.2, fold).lists for fold in range(5)]
    assert values.with_fold(0.2, 1).gains == values.gains
    for number in range(20):
        query, duplicate = f"tea of men {number}", f"  {number}, MEN: the teas?!"
        splits = [split_of({"query": query}, shares) for shares in folds]
        assert splits == [split_of({"query": duplicate}, shares) for shares in folds]
        assert splits.count("test") == 1


def test_lists_of_one_topic_share_a_split_and_a_group(prepare: Prepare) -> None:
    # by their words these two would be in train and in dev
    named = [row | {"topic": "7"} for row in (TRAIN, DEV)]
    others = [clean_list(question_in(split, "other")) for split in SPLITS]
    judged = dict.fromkeys((TRAIN["query"], DEV["query"]), dict.fromkeys(urls("abc"), 2))
    for first_two, qrels in ((named, {}), ([TRAIN, DEV], judged)):
        examples = prepare([*first_two, *others], qrels)
        queries = {split: [row["query"] for row in rows] for split, rows in examples.items()}
        [split] = [split for split, rows in queries.items() if TRAIN["query"] in rows]
        assert queries[split][:2] == [TRAIN["query"], DEV["query"]]
        first, second, other = examples[split]
        assert first["group"] == second["group"] != other["group"]
        assert TRAIN["query"] not in "".join(row["group"] for row in examples[split])


@pytest.mark.parametrize("split", SPLITS)
def test_an_empty_split_is_refused(prepare: Prepare, tmp_path: Path, split: str) -> None:
    lists = [row for row in (TRAIN, DEV, TEST) if split_of(row, SHARES) != split]
    message = rf"ranked_lists\.jsonl leaves no list for {split}; add feedback, or change"
    with pytest.raises(InputError, match=message):
        prepare(lists)
    assert not (tmp_path / "examples").exists()


# Labels

ABOVE, BELOW = (0, "passed over"), (0, "below the last pick")
FIRST, SECOND, THIRD = (3, "picked first"), (2, "picked second"), (1, "picked third")
LATER = (1, "picked")
ONE_GAIN = [(1, "picked third"), (1, "picked second"), (1, "picked first")]
LABELS = [
    ("eb", [3, 2, 1], [ABOVE, SECOND, ABOVE, ABOVE, FIRST, BELOW]),
    ("fdbac", [3, 2, 1], [LATER, THIRD, LATER, SECOND, ABOVE, FIRST]),
    ("cba", [1], [*ONE_GAIN, BELOW, BELOW, BELOW]),
]


@pytest.mark.parametrize(("picks", "gains", "expected"), LABELS)
def test_picks_gain_by_their_order_and_others_have_a_reason(
    prepare: Prepare, picks: str, gains: list[int], expected: list[tuple[float, str]]
) -> None:
    ranked_lists = [TRAIN, DEV, clean_list(TEST["query"], picks=picks)]
    [example] = prepare(ranked_lists, gains=gains)["test"]
    assert [(row["gain"], row["why"]) for row in example["documents"]] == expected


def test_an_example_keeps_order_record_and_texts(prepare: Prepare) -> None:
    shown = clean_list(TEST["query"], "abc", number=7)
    texts = [("a", "Tea.", "Cups drunk."), ("b", "Bare", ""), ("c", "", "No title.")]
    how_shown = {"rank": 3, "score": 0.5, "query_used": "teas"}
    shown["sources"] = [document(*fields) for fields in texts]
    shown["sources"][1] |= how_shown
    [example] = prepare([TRAIN, DEV, shown])["test"]
    assert (example["kind"], example["record"]) == ("list", "feedback.json:7")
    assert example["picks"] == urls("c")
    assert [row["url"] for row in example["documents"]] == urls("abc")
    fields = [(row["title"], row["text"]) for row in example["documents"]]
    assert fields == [("Tea.", "Tea. Cups drunk."), ("Bare", "Bare"), ("", "No title.")]
    unknown = dict.fromkeys(how_shown)
    for row, expected in zip(example["documents"], (unknown, how_shown, unknown), strict=True):
        assert {name: row[name] for name in how_shown} == expected


def test_judgments_and_what_train_shows_are_marked(prepare: Prepare) -> None:
    [a, c] = urls("ac")
    qrels = {TEST["query"]: {a: 3, c: 0}, "of nobody": {a: 1}}
    examples = prepare([TRAIN, DEV, clean_list(TEST["query"], "abxy", "x")], qrels)
    [test] = examples["test"]
    assert test["qrels"] == qrels[TEST["query"]]
    assert examples["train"][0]["qrels"] == examples["dev"][0]["qrels"] == {}
    assert [row["seen"] for row in test["documents"]] == [True, True, False, False]
    assert all(row["seen"] for row in examples["train"][0]["documents"])


BAD = [("gains", []), ("gains", [0]), ("gains", [3, -1]), ("random_negatives", -1)]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_settings_that_teach_nothing_are_refused(
    settings: dict[str, Any], tmp_path: Path, key: str, value: Any
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"prepare": {**settings, key: value}}), encoding="utf-8")
    with pytest.raises(InputError, match=rf"prepare\.{key}"):
        params.read("prepare", PrepareSettings, path)


# Random negatives


def negatives(example: Record) -> list[Record]:
    return [row for row in example["documents"] if row["why"] == "random negative"]


SHOWN = {"tea": "abc", "rice": "cdefg", "pay": "hijc", "rent": "klmc"}  # 13 documents
MORE = [clean_list(question_in("train", word), shown) for word, shown in SHOWN.items()]
HELD_OUT = [clean_list(question_in(name, "far"), "stuvc", "s") for name in ("dev", "test")]


@pytest.mark.parametrize("number", [0, 2, 4, 99])
def test_random_negatives_are_documents_of_other_lists(prepare: Prepare, number: int) -> None:
    examples = prepare([*MORE, *HELD_OUT], random_negatives=number)
    train_urls = {row["url"] for ranked_list in MORE for row in ranked_list["sources"]}
    for example, ranked_list in zip(examples["train"], MORE, strict=True):
        own = [row["url"] for row in ranked_list["sources"]]
        sampled = {row["url"] for row in negatives(example)}
        assert len(sampled) == len(negatives(example)) == min(number, 13 - len(own))
        assert sampled <= train_urls - set(own)
        assert {(row["gain"], row["rank"]) for row in negatives(example)} <= {(0, None)}
        assert [row["url"] for row in example["documents"] if row["shown"]] == own
    assert not any(map(negatives, [*examples["dev"], *examples["test"]]))


def test_random_negatives_depend_on_the_place_of_their_list_only(prepare: Prepare) -> None:
    many = clean_list(question_in("train", "many"), "abcdefghijklm", "a")
    twins = [clean_list(question_in("train", "twin"), "nop", "n", row) for row in range(2, 8)]
    first, second = (
        {each["record"]: [row["url"] for row in negatives(each)] for each in examples["train"]}
        for examples in (prepare([many, *rows, *HELD_OUT]) for rows in (twins, twins[::-1]))
    )
    assert first == second
    assert len({tuple(names) for names in first.values()}) > 1


def test_candidates_come_from_a_whole_log_and_not_from_its_first_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(survey_module, "MAX_TRAIN_DOCUMENTS", 8)
    log = [
        {"query": f"day {day}", "sources": [{"url": f"p{day}"}], "picks": []} for day in range(200)
    ]
    days = [row for row in log if split_of(row, SHARES) == "train"]
    order = [row["sources"][0]["url"] for row in days]
    rows = [Row(row, "train", "") for row in days]
    kept = survey_rows(rows).train_documents
    assert kept.keys() == survey_rows(rows[::-1]).train_documents.keys()
    halves = merge([survey_rows(rows[:70]), survey_rows(rows[70:])])
    assert [*halves.train_documents.items()] == [*kept.items()]
    positions = [order.index(document["url"]) for document in kept.values()]
    assert positions == sorted(positions)
    assert len(positions) == 8
    assert max(positions) > len(days) / 2


# Title lists, the leak report and the preview

TEXTS = [
    ("a", "Tea drunk by men", "How many cups of tea men drink."),
    ("b", "Tea drunk by women", "How many cups of tea women drink."),
    ("c", "Tea grown", "How much tea is grown."),
    ("d", "Rent", "What flats cost."),
    ("e", "Bare tea", ""),
]
TITLES = [document(*fields) for fields in TEXTS]


def title_lists(prepare: Prepare, number: int, hard_negatives: int) -> list[Record]:
    """Return the title lists of a train split that shows TITLES."""
    train = TRAIN | {"sources": TITLES, "picks": urls("a")}
    held_out = {"sources": [document("x", "Tea of dev", "Tea."), TITLES[0]], "picks": urls("x")}
    count_and_size = {"count": number, "hard_negatives": hard_negatives}
    examples = prepare([train, DEV | held_out, TEST | held_out], title_lists=count_and_size)
    assert {row["kind"] for split in ("dev", "test") for row in examples[split]} == {"list"}
    return [example for example in examples["train"] if example["kind"] == "title"]


def test_a_title_is_the_query_for_its_own_snippet_among_similar_ones(prepare: Prepare) -> None:
    by_query = {row["query"]: row["documents"] for row in title_lists(prepare, 9, 2)}
    # nothing resembles rent, and a document without a snippet can't be the answer
    assert set(by_query) == {row["title"] for row in TITLES[:3]}
    for shown in TITLES[:3]:
        own, *others = by_query[shown["title"]]
        assert (own["title"], own["text"]) == ("", shown["snippet"])
        assert (own["gain"], own["why"]) == (1, "its own snippet")
        assert [(row["gain"], row["why"]) for row in others] == [(0, "a similar snippet")] * 2
        assert {row["url"] for row in others} == {*urls("abc")} - {own["url"]}
    assert title_lists(prepare, 0, 1) == []
    [first] = title_lists(prepare, 1, 1)  # the first by hash
    assert first["query"] == next(iter(by_query))
    assert len(first["documents"]) == 2


def test_a_title_that_is_a_question_of_dev_or_test_is_no_query_of_train(
    prepare: Prepare, tmp_path: Path
) -> None:
    asked = [TITLES[0] | {"title": f"{DEV['query'].upper()}?"}, *TITLES[1:]]
    train = TRAIN | {"sources": asked, "picks": urls("a")}
    settings = {"count": 9, "hard_negatives": 2}
    examples = prepare([train, DEV, TEST], title_lists=settings)["train"]
    queries = {row["query"] for row in examples if row["kind"] == "title"}
    assert queries == {row["title"] for row in TITLES[1:3]}
    left_out = (tmp_path / "examples" / "left_out.json").read_text(encoding="utf-8")
    assert HELD_OUT_TITLE in left_out


def test_the_same_lists_give_the_same_bytes_and_a_count_of_what_the_splits_share(
    prepare: Prepare, tmp_path: Path, folder_contents: Callable[[Path], dict[str, bytes]]
) -> None:
    first, second = (
        title_lists(prepare, 9, 1) and folder_contents(tmp_path / "examples") for _ in "ab"
    )
    assert first == second
    assert set(first) == {
        "leak_report.json",
        "left_out.json",
        *(f"{split}.jsonl" for split in SPLITS),
    }
    report = json.loads(first["leak_report.json"])
    assert [*report["shared"]["questions"].values()] == [0, 0, 0]
    held_out = {"list": 1, "with_qrels": 0}
    assert report["records"] == dict.fromkeys(SPLITS, held_out) | {"train": held_out | {"title": 3}}


def test_the_preview_shows_place_labels_and_texts(prepare: Prepare, tmp_path: Path) -> None:
    title_lists(prepare, 9, 2)
    short, long = ("\n".join(preview_lines(tmp_path / "examples", each)) for each in (1, 3))
    labels = ["gain 3: picked first", "gain 0: below the last pick", "gain 0: a similar snippet"]
    counts = ["list: 1 in train", "title: 3 in train"]
    place = f"  {TRAIN['query']}   (feedback.json, record 1)"
    for line in (place, *labels, *counts, "Tea drunk by men. How many cups of tea men drink."):
        assert line in short
    assert [text.count("its own snippet") for text in (short, long)] == [1, 3]


def test_the_preview_shows_the_grades_of_a_list_that_has_some(
    prepare: Prepare, tmp_path: Path
) -> None:
    prepare([TRAIN, DEV, TEST], {TRAIN["query"]: {urls("a")[0]: 2, urls("b")[0]: 0}})
    shown = "\n".join(preview_lines(tmp_path / "examples", 1))
    assert "grade 2: passed over" in shown
    assert "grade 0:" in shown
    assert "no grade: picked first" in shown
    assert "gain" not in shown


def test_lists_of_one_user_are_one_group_and_keep_their_splits(prepare: Prepare) -> None:
    tests = [clean_list(question_in("test", word), number=5) for word in ("tea", "milk", "bread")]
    for number, (row, asker) in enumerate(zip(tests, ("u1", "u1", "u2"), strict=True)):
        row |= {"asked_by": [f"user:{asker}"], "record": f"feedback.json:{number + 10}"}
    groups = [row["group"] for row in prepare([TRAIN, DEV, *tests])["test"]]
    assert groups[0] == groups[1] != groups[2]
    assert [row["query"] for row in prepare([TRAIN, DEV, *tests])["test"]] == [
        row["query"] for row in tests
    ]


def test_an_order_in_which_the_picks_always_stand_first_is_not_learned(prepare: Prepare) -> None:
    lists = [
        TRAIN,
        DEV,
        TEST,
        *(clean_list(f"tea {number}", number=number) for number in range(30)),
    ]
    first = [row | {"picks": urls("a")} for row in lists]
    rows = [row for split in prepare(first).values() for row in split if row["kind"] == "list"]
    assert all(row["order_unknown"] for row in rows)
    assert {document["rank"] for row in rows for document in row["documents"]} == {None}
    assert {document["why"] for row in rows for document in row["documents"]} <= {
        "picked first",
        "not picked",
        "random negative",
    }
    places = [
        [document["url"] in row["picks"] for document in row["documents"]].index(True)
        for row in rows
    ]
    assert len(set(places)) > 1
    mixed = [TRAIN, DEV, TEST, *[row | {"picks": urls("c")} for row in lists[3:]]]
    assert not any("order_unknown" in row for row in prepare(mixed)["test"])


def test_a_list_is_judged_only_if_it_shows_a_judged_document(
    prepare: Prepare, tmp_path: Path
) -> None:
    judged = {TEST["query"]: {urls("z")[0]: 2}, DEV["query"]: {urls("a")[0]: 2}}
    prepare([TRAIN, DEV, TEST], judged)
    counts = json.loads((tmp_path / "examples" / "leak_report.json").read_text())["records"]
    assert (counts["test"]["with_qrels"], counts["dev"]["with_qrels"]) == (0, 1)
