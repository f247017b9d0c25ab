"""A search is learned if it found more of the picks than the question did.

In these tests a letter is the URL of a document, and a search finds the letters of a word.
"""

from collections.abc import Iterable, Mapping
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.core.files import read_json, read_jsonl, write_jsonl
from findtune.core.records import Record
from findtune.core.text import near_duplicate_key
from findtune.examples.hashes import hash_texts
from findtune.examples.splits import SPLITS, SplitShares, assign_split
from findtune.rewriter.prepare.examples import preview_lines, refuse_leaks, write_examples
from findtune.rewriter.prepare.held_out import HeldOutQuestions
from findtune.rewriter.prepare.settings import PrepareSettings
from findtune.rewriter.prepare.targets import LOST_ENTITY, NO_GAIN, TOO_MANY

SHARES = SplitShares(dev=0.2, test=0.3, fold=0)
SETTINGS: dict[str, Any] = {"questions": SHARES.model_dump(), "gains": [3, 2, 1], "max_targets": 2}
SETTINGS |= {"max_identity_share": 0.4, "title_targets": {"picks": 0, "weight": 0.5}}
SETTINGS |= {"max_corpus_documents": 100}


def document(url: str, title: str = "", snippet: str = "") -> dict[str, str]:
    return {"url": url, "title": title or f"On {url}.", "snippet": snippet or f"all {url}"}


def search_record(
    question: str, searches: Mapping[str, str], picks: str = "a", number: int = 1, **session: Any
) -> Record:
    """Return a clean record; searches: query -> what it found; `own` stands for the question.

    session: history and topic, if there are any.
    """
    found = {question if query == "own" else query: urls for query, urls in searches.items()}
    return {
        "query": question,
        "record": f"feedback.json:{number}",
        **{"history": [], "topic": "", **session},
        "selected": [*picks],
        "searches": [
            {"query": query, "sources": [document(url) for url in urls]}
            for query, urls in found.items()
        ],
    }


def question_in(split: str, start: str = "question") -> str:
    """Return a question of a split, without numbers, since a rewrite must keep those."""
    questions = (f"{start} {'o' * length}" for length in count(1))
    return next(text for text in questions if split_of(text) == split)


def split_of(question: str) -> str:
    """Return the split of a question that has no topic but itself."""
    return assign_split(near_duplicate_key(question), SHARES)


TRAIN_QUESTION, DEV_QUESTION, TEST_QUESTION = map(question_in, SPLITS)
ANOTHER, NAIROBI_CUPS = question_in("train", "another"), question_in("train", "cups in nairobi")
TRAIN = search_record(TRAIN_QUESTION, {"own": "b", "tea": "ab"}, number=1)
DEV = search_record(DEV_QUESTION, {"own": "c", "rice": "d"}, "c", number=2)
TEST = search_record(TEST_QUESTION, {"own": "e", "pay": "f"}, "f", number=3)
UNBEATEN = [
    search_record(question_in("train", word), {"own": "a", "cup": "b"})
    for word in ("tea", "milk", "bread", "rent", "rain", "ships")
]
NAIROBI = [document(name, snippet="The town of Nairobi.") for name in "xy"]


def make_examples(
    folder: Path,
    records: Iterable[Record] = (TRAIN, DEV, TEST),
    corpus: Iterable[Record] = (),
    judgments: Iterable[Record] = (),
    **changes: Any,
) -> dict[str, list[Record]]:
    """Return the examples of each split that are made of clean records."""
    rows = {"searches": records, "corpus": corpus, "judgments": judgments}
    for name, clean in rows.items():
        write_jsonl(folder / "clean" / f"{name}.jsonl", clean)
    settings = PrepareSettings.model_validate(SETTINGS | changes)
    write_examples(folder / "clean", folder / "examples", settings)
    return {split: read_jsonl(folder / "examples" / f"{split}.jsonl") for split in SPLITS}


def targets_of(
    folder: Path, record: Record, kind: str = "rewrite", **changes: Any
) -> list[tuple[str, Any]]:
    """Return the targets of one record of train, with their weights."""
    examples = make_examples(folder, [record, TRAIN, DEV, TEST], **changes)
    own = [row for row in examples["train"] if row["query"] == record["query"]]
    return [(row["target"], pytest.approx(row["weight"])) for row in own if row["kind"] == kind]


MARGINS = {"own": "x", "second": "b", "none": "xyz", "first": "xa", "both": "yab"}
EQUAL = {"green tea": "a", "milk": "a", "cup": "a", "a cup of tea": "a"}


@pytest.mark.parametrize(
    ("searches", "picks", "targets"),
    [
        (MARGINS, "ab", {"both": 1, "first": 3 / 5, "second": 2 / 5}),
        ({"own": "b", "c": "c", "b": "b", "a": "a"}, "abc", {"a": 3 / 6 - 2 / 6}),
        # later picks have the last gain
        ({"fourth": "d", "third": "c"}, "abcd", {"fourth": 1 / 7, "third": 1 / 7}),
        # of equals the shorter and then the earlier one is first
        (EQUAL, "a", {"milk": 1, "cup": 1, "green tea": 1, "a cup of tea": 1}),
        # a question that was never searched has found nothing
        ({"cup": "b"}, "ab", {"cup": 2 / 5}),
        # the question in other spelling is its own search
        ({f" {ANOTHER.upper()}?!": "b", "cup": "a"}, "ab", {"cup": 3 / 5 - 2 / 5}),
        ({"cup": "a", f"The {TEST_QUESTION}!": "a"}, "a", {"cup": 1}),  # one is held out
    ],
)
def test_searches_that_beat_the_question_are_learned(
    tmp_path: Path, searches: dict[str, str], picks: str, targets: dict[str, float]
) -> None:
    record, expected = search_record(ANOTHER, searches, picks), [*targets.items()]
    assert targets_of(tmp_path, record, max_targets=9) == expected
    assert targets_of(tmp_path, record, max_targets=1) == expected[:1]


@pytest.mark.parametrize("entity", ["2019", "nairobi"])
def test_a_search_that_loses_an_entity_is_replaced_by_the_next_one(
    tmp_path: Path, entity: str
) -> None:
    searches = {"cups": "ab", "cups 2018": "ab", f"{entity} cups": "a"}
    record = search_record(question_in("train", f"cups in {entity}"), searches, "ab")
    targets = targets_of(tmp_path, record, corpus=NAIROBI, max_targets=1)
    assert targets == [(f"{entity} cups", 3 / 5)]
    if entity == "nairobi":  # without the corpus nothing says that it is a name
        assert len(targets_of(tmp_path, record)) == 2


@pytest.mark.parametrize(("share", "number"), [(0, 0), (0.3, 0), (0.5, 1), (0.75, 3), (0.99, 6)])
def test_unbeaten_questions_are_learned_up_to_a_share(
    tmp_path: Path, share: float, number: int
) -> None:
    records = [TRAIN, DEV, TEST, *UNBEATEN]
    train = make_examples(tmp_path, records, max_identity_share=share)["train"]
    identities = [row for row in train if row["kind"] == "identity"]
    assert len(identities) == number
    assert all((row["target"], row["weight"]) == (row["query"], 1) for row in identities)
    assert TRAIN_QUESTION not in [row["query"] for row in identities]  # it was beaten
    report = read_json(tmp_path / "examples" / "leak_report.json")
    assert {*report.pop("shared")["questions"].values()} == {0}
    train = {"question": 7, "with_qrels": 0, "rewrite": 1}
    train |= {"identity": number} if number else {}
    held_out = {"question": 1, "with_qrels": 0}
    records = {"train": train, "dev": held_out, "test": held_out}
    assert report == {"held_out_targets": 0, "records": records}


@pytest.mark.parametrize(
    ("titles", "targets"),
    [
        ({}, {"On c.": 0.6, "On a.": 0.3, "On b.": 0.2}),
        ({"a": ""}, {"On c.": 0.6, "On b.": 0.2}),
        ({"c": "No town"}, {"No town": 0.6, "On a.": 0.3, "On b.": 0.2}),
        ({"c": f"The {TEST_QUESTION}.", "b": DEV_QUESTION.upper()}, {"On a.": 0.3}),
    ],
)
def test_titles_of_the_first_picks_are_learned_by_their_rank(
    tmp_path: Path, titles: dict[str, str], targets: dict[str, float]
) -> None:
    record = search_record(NAIROBI_CUPS, {"own": "abcd", "other": "c"}, "cabd")
    for source in record["searches"][0]["sources"]:
        source["title"] = titles.get(source["url"], source["title"])
    record["searches"][1]["sources"][0]["title"] = ""  # the other search's title is used
    changes = {"title_targets": {"picks": 3, "weight": 0.6}, "corpus": NAIROBI}
    assert targets_of(tmp_path, record, "title", **changes) == [*targets.items()]


def test_given_documents_come_first_and_held_out_picks_always_fit(tmp_path: Path) -> None:
    for limit, names, train_picks in ((100, "zebacdf", ["a"]), (2, "zecf", [])):
        corpus = [document("z"), document("e")]
        examples = make_examples(tmp_path, corpus=corpus, max_corpus_documents=limit)
        rows = read_jsonl(tmp_path / "examples" / "corpus.jsonl")
        assert [row["url"] for row in rows] == [*names]
        assert [examples[split][0]["picks"] for split in SPLITS] == [train_picks, ["c"], ["f"]]


@pytest.mark.parametrize("titles", [("", "A", "B"), ("A", "", "B"), ("A", "B", "")])
def test_a_document_keeps_its_first_title_and_text(tmp_path: Path, titles: tuple[str, ...]) -> None:
    make_examples(tmp_path, corpus=[{"url": "z", "title": t, "snippet": t} for t in titles])
    [first, *_] = read_jsonl(tmp_path / "examples" / "corpus.jsonl")
    assert first == {"url": "z", "title": "A", "text": "A"}


def test_the_names_in_the_corpus_are_written_in_order(tmp_path: Path) -> None:
    towns = ["Perth", "Essen", "Turin", "Lyon", "Oslo", "Æbeltoft"]
    make_examples(tmp_path, corpus=[document(t, snippet=f"in {t} or {t} bay") for t in towns])
    names = ["essen", "lyon", "oslo", "perth", "turin", "æbeltoft"]
    assert read_json(tmp_path / "examples" / "names.json") == names


def test_dev_and_test_have_questions_only(tmp_path: Path) -> None:
    grades = {"f": 3, "e": 0}
    judged = {TEST_QUESTION: {**grades, "not in the corpus": 3}, "unasked": {"a": 1}}
    judgments = [{"query": query, "grades": judged[query]} for query in judged]
    examples = make_examples(tmp_path, judgments=judgments)
    question = {"kind": "question", "query": TEST_QUESTION, "record": "feedback.json:3"}
    [test] = examples["test"]
    assert test.pop("group")
    assert test == {**question, "history": [], "picks": ["f"], "qrels": grades, "seen": []}
    assert [(row["kind"], row["qrels"]) for row in examples["dev"]] == [("question", {})]
    assert [row["kind"] for row in examples["train"]] == ["question", "rewrite"]


def test_a_held_out_question_lists_its_picks_that_were_picked_in_train(tmp_path: Path) -> None:
    test = search_record(TEST_QUESTION, {"own": "efa", "pay": "b"}, "fab")
    dev = search_record(DEV_QUESTION, {"own": "fc"}, "fc")
    picked = search_record(ANOTHER, {"own": "f"}, "f")
    examples = make_examples(tmp_path, [test, dev, TRAIN, picked])
    seen = [row.get("seen") for split in SPLITS for row in examples[split]]
    assert seen == [None, None, None, ["f"], ["f", "a"]]  # b was not picked


def test_near_duplicate_questions_are_in_the_same_split() -> None:
    for split, start in product(SPLITS, ("cup", "rent", "ship")):
        words = question_in(split, start).upper().split()
        assert split_of(f"The {words[1]}, {words[0]}S?") == split


def test_questions_of_one_topic_share_a_split_and_a_group(tmp_path: Path) -> None:
    records = [
        search_record(question_in(split, f"trip {split}"), {"own": "b", "tea": "ab"}, topic="trip")
        for split in SPLITS
    ]
    examples = make_examples(tmp_path, [*records, TRAIN, DEV, TEST])
    questions = [row for rows in examples.values() for row in rows if row["kind"] == "question"]
    of_topic = [row for row in questions if row["query"].startswith("trip")]
    assert len(of_topic) == 3
    [group] = {row["group"] for row in of_topic}
    assert [row for row in questions if row["group"] == group] == of_topic
    splits = [split for split in SPLITS if any(row in examples[split] for row in of_topic)]
    assert len(splits) == 1


def test_earlier_questions_of_the_session_are_carried_into_questions_and_targets(
    tmp_path: Path,
) -> None:
    history = ["tea", "cups of tea"]
    record = search_record(ANOTHER, {"own": "b", "tea": "ab"}, history=history)
    train = make_examples(tmp_path, [record, TRAIN, DEV, TEST])["train"]
    own = [row for row in train if row["query"] == ANOTHER]
    assert [row["kind"] for row in own] == ["question", "rewrite"]
    assert [row["history"] for row in own] == [history, history]
    assert {str(row["history"]) for row in train if row["query"] != ANOTHER} == {"[]"}


def test_a_learned_held_out_question_is_an_error(tmp_path: Path) -> None:
    held_out = HeldOutQuestions(hash_texts([near_duplicate_key("rice in Kenya")]))
    path = tmp_path / "train.jsonl"
    own = {"query": "rice in Kenya", "kind": "question"}  # train's own query is no target
    write_jsonl(path, [own, {"query": "tea", "target": "cups"}])
    assert refuse_leaks(path, held_out) == 0
    write_jsonl(path, [{"query": "tea", "target": "Kenya: the rice"}])
    with pytest.raises(InputError, match="has 1 targets that are questions of dev or test"):
        refuse_leaks(path, held_out)


@pytest.mark.parametrize("missing", SPLITS)
def test_a_missing_split_is_an_error_with_a_remedy(tmp_path: Path, missing: str) -> None:
    records = {"train": TRAIN, "dev": DEV, "test": TEST}
    del records[missing]
    with pytest.raises(InputError, match=f"jsonl leaves no question for {missing}; add feedback"):
        make_examples(tmp_path, records.values())
    assert not (tmp_path / "examples").exists()


def test_no_target_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is nothing to learn; log the searches that"):
        make_examples(tmp_path, [*UNBEATEN, DEV, TEST])


def test_a_held_out_question_is_no_target_in_another_spelling(tmp_path: Path) -> None:
    plain = question_in("dev", "poblacion de Mexico")
    question = plain.replace("poblacion", "población").replace("Mexico", "México")
    taught = search_record(TRAIN_QUESTION, {"own": "b", plain: "ab"})
    records = [taught, TRAIN, search_record(question, {"own": "c"}, "c", number=2), TEST]
    make_examples(tmp_path, records)
    targets = {row.get("target") for row in read_jsonl(tmp_path / "examples" / "train.jsonl")}
    assert plain not in targets
    assert "tea" in targets


def test_the_preview_shows_a_target_with_its_weight_reason_and_origin(tmp_path: Path) -> None:
    make_examples(tmp_path)
    text = "\n".join(preview_lines(tmp_path / "examples", 3))
    assert f"{TRAIN_QUESTION}   (feedback.json, record 1)" in text
    assert "weight 1.00: found 100% more of the picks" in text
    assert "picks: 1, grades: 0" in text


def test_a_fold_changes_the_test_questions_only() -> None:
    settings = PrepareSettings.model_validate(SETTINGS)
    changed = settings.with_fold(0.25, 3)
    assert changed.questions.model_dump() == {"dev": 0.2, "test": 0.25, "fold": 3}
    assert changed.model_copy(update={"questions": settings.questions}) == settings


def test_what_is_not_learned_is_counted_by_reason_and_shown(tmp_path: Path) -> None:
    searches = {"own": "b", "tea": "a", "nairobi tea": "ab", "nairobi milk": "a"}
    searches |= {"nairobi rice": "a", f"The {TEST_QUESTION}": "a"}
    records = [TRAIN, DEV, TEST, search_record(NAIROBI_CUPS, searches, number=7), *UNBEATEN]
    make_examples(tmp_path, records, corpus=NAIROBI, max_identity_share=0)
    rows = read_json(tmp_path / "examples" / "left_out.json")
    counts = {reason: row["count"] for reason, row in rows.items()}
    assert (counts[LOST_ENTITY], counts[TOO_MANY], counts[NO_GAIN]) == (2, 1, len(UNBEATEN))
    examples = [example["text"] for example in rows[LOST_ENTITY]["examples"]]
    assert "tea  (lacks nairobi)" in examples
    assert f"left out: 2 {LOST_ENTITY}" in preview_lines(tmp_path / "examples", 1)


def test_german_nouns_are_no_names_that_a_rewrite_must_keep(tmp_path: Path) -> None:
    question = question_in("train", "Wie viele Arbeitslose gibt es in Jena")
    searches = {"own": "b", "erwerbslose personen": "a", "jobless": "a"}
    targets = targets_of(tmp_path, search_record(question, searches))
    assert [text for text, _ in targets] == ["jobless", "erwerbslose personen"]


def test_the_questions_of_one_session_are_one_group(tmp_path: Path) -> None:
    asked = [question_in("test", word) for word in ("tea", "milk", "bread")]
    records = [
        search_record(question, {"own": "b"}, "b", number=number)
        | {"asked_by": [f"session:{name}"]}
        for number, (question, name) in enumerate(zip(asked, "aab", strict=True), start=10)
    ]
    rows = make_examples(tmp_path, [TRAIN, DEV, *records])["test"]
    groups = {row["query"]: row["group"] for row in rows}
    first, second, third = (groups[question] for question in asked)
    assert first == second != third
