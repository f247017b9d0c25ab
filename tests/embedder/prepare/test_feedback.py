"""Picks of users are learned, and whole lists of their questions are held out."""

from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import read_jsonl, write_jsonl
from findtune.core.records import Record
from findtune.core.text import near_duplicate_key
from findtune.embedder.prepare.examples import (
    PrepareSettings,
    write_examples,
)
from findtune.embedder.prepare.feedback import NO_TEXT, NOTHING_UNPICKED
from findtune.embedder.prepare.leak_removal import NEARLY_HELD_OUT
from findtune.examples.splits import SPLITS, assign_split
from findtune.reranker.prepare import examples as reranker
from tests.embedder.prepare.small_catalog import (
    DEV,
    MEN,
    SHARES,
    TEST,
    TRAIN,
    TREES,
    Build,
    of_kind,
    sources,
    variable,
)

FEEDS = ("catalog", "feedback")


def ranked_list(query: str, picks: str = "b", **fields: Any) -> Record:
    """Return a clean list that shows a, b, c and d."""
    sources = [{"url": url, "title": f"Page {url}.", "snippet": f"All of {url}."} for url in "abcd"]
    record = f"lists.json:{query}"
    return {"query": query, "sources": sources, "picks": [*picks], "record": record, **fields}


def question_in(split: str, stem: str = "crumbs") -> str:
    return next(
        key
        for n in count()
        if assign_split(near_duplicate_key(key := f"{stem} {n}"), SHARES) == split
    )


LISTS = [ranked_list(question_in(split)) for split in SPLITS]
TOPIC_OF_TEST = next(f"{n}" for n in count() if assign_split(f"topic: {n}", SHARES) == "test")


def test_a_pick_has_the_texts_above_and_below_it_as_negatives_and_whole_lists_are_held_out(
    build: Build,
) -> None:
    train = ranked_list(question_in("train"), picks="db")
    examples = build(ranked_lists=[train, *LISTS[1:]])
    text = {url: f"Page {url}. All of {url}." for url in "abcd"}
    picks = of_kind("pick", examples, "train")
    assert [row["positive"] for row in picks] == [text["d"], text["b"]]
    assert [row["negatives"] for row in picks] == [[text["a"], text["c"]]] * 2
    [held_out] = of_kind("list", examples, "test")
    assert held_out["documents"] == [*text.values()]
    assert held_out["picked"] == [False, True, False, False]
    refitted = [row["query"] for row in of_kind("pick", examples, "refit")]
    assert refitted == [train["query"], train["query"], LISTS[1]["query"]]


def test_no_pick_of_a_question_that_is_a_guard_text_is_learned(build: Build) -> None:
    guard = [
        {"query": LISTS[0]["query"], "text": "Bread is cut.", "source": f"q:{n}"} for n in "12"
    ]
    lists = [*LISTS, ranked_list(question_in("train", "other"))]
    examples = build(guard_queries=guard, ranked_lists=lists)
    for split in ("train", "refit"):
        questions = [row["query"] for row in of_kind("pick", examples, split)]
        assert LISTS[0]["query"] not in questions
        assert lists[-1]["query"] in questions


def test_a_topic_keeps_its_questions_in_one_split_and_no_question_is_learned_and_tested(
    build: Build,
) -> None:
    question = question_in("train", "other")
    lists = [*LISTS, ranked_list(question, topic=TOPIC_OF_TEST), ranked_list(f"The {question}!")]
    examples = build(ranked_lists=lists)
    assert question in [row["query"] for row in of_kind("list", examples, "test")]
    assert [row["query"] for row in of_kind("pick", examples, "train")] == [LISTS[0]["query"]]
    assert examples.leak_report["shared"]["questions"]["train and test"] == 0


def test_spellings_of_one_question_lie_in_one_split_and_are_one_group(build: Build) -> None:
    for number in range(20):
        spellings = [f"méxico rents {number}", f"mexico rents {number}"]
        rows = [ranked_list(text) | {"record": text} for text in spellings]
        examples = build(ranked_lists=[*LISTS, *rows])
        learned = {row["query"] for row in of_kind("pick", examples, "train")}
        held_out = [
            {row["query"]: row["group"] for row in of_kind("list", examples, split)}
            for split in ("dev", "test")
        ]
        splits = [{*queries} & {*spellings} for queries in (learned, *held_out)]
        assert sorted(splits, key=len) == [set(), set(), {*spellings}]
        groups = [row.get(text) for row in held_out for text in spellings]
        assert len(set(groups) - {None}) <= 1


def test_a_question_of_test_is_not_trained_on_as_a_text_of_the_catalog(build: Build) -> None:
    texts = [*TRAIN, *DEV, *TEST, *variable(MEN, generated=f"The {LISTS[2]['query']}")]
    examples = build(texts, ranked_lists=LISTS)
    assert sources("positive", examples, "train") == sources("positive", build(), "train")


def test_either_the_catalog_or_the_feedback_is_enough(
    clean: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    copy = copytree(clean, tmp_path / "clean")
    alone = {name: PrepareSettings(**settings | {"learn_from": [name]}) for name in FEEDS}
    write_examples(copy, tmp_path / "before", alone["catalog"])
    with pytest.raises(InputError, match="gives no positive and no pick for train"):
        write_examples(copy, tmp_path / "none", alone["feedback"])
    write_jsonl(copy / "ranked_lists.jsonl", LISTS)
    write_examples(copy, tmp_path / "after", alone["catalog"])
    for path in (tmp_path / "before").iterdir():
        assert path.read_bytes() == (tmp_path / "after" / path.name).read_bytes()
    (copy / "catalog.jsonl").unlink()
    counts = write_examples(copy, tmp_path / "lists", alone["feedback"])
    assert (counts["train"]["pick"], counts["dev"]["list"], counts["test"]["list"]) == (1, 1, 1)
    assert read_jsonl(tmp_path / "lists" / "corpus.jsonl") == []


def test_lists_of_one_session_are_one_group_and_keep_their_splits(build: Build) -> None:
    asked = [question_in("test", word) for word in ("tea", "milk", "rye")]
    rows = [
        ranked_list(question, asked_by=[f"session:{name}"])
        for question, name in zip(asked, "aab", strict=True)
    ]
    examples = build(ranked_lists=[*LISTS[:2], *rows])
    first, second, third = (row["group"] for row in of_kind("list", examples, "test"))
    assert first == second != third


def test_what_feedback_and_leaks_leave_out_is_counted(build: Build) -> None:
    alike = [{"url": url, "title": "", "snippet": "x"} for url in "ab"]
    same = ranked_list(question_in("train", "other"), sources=alike)
    bare = [{"url": "a", "title": "A", "snippet": ""}, {"url": "b", "title": "", "snippet": ""}]
    empty = ranked_list(question_in("train", "another"), sources=bare)
    woods = question_in("train", "woods")
    texts = [*TRAIN, *DEV, *variable(TREES, name="Trees", generated=woods)]
    counts = build(texts, ranked_lists=[*LISTS, same, empty, ranked_list(f"The {woods}!")]).left_out
    assert (counts[NOTHING_UNPICKED], counts[NO_TEXT], counts[NEARLY_HELD_OUT["pick"]]) == (1, 1, 1)


def test_the_lists_of_the_embedder_and_of_the_reranker_are_split_alike(
    build: Build, tmp_path: Path
) -> None:
    words = ["salariées {}", "salariés {}", "méxico {}", "mexico {}", "rents {}", "the rent {}"]
    lists = [ranked_list(text.format(n), topic=f"t{n % 7}") for n in range(30) for text in words]
    lists += [ranked_list(text.format(n)) for n in range(90, 120) for text in words]
    lists += [ranked_list(f"{word} judged") for word in ("apples", "pears", "plums")]
    qrels = {row["query"]: {url: 1 for url in "abcd"} for row in lists[-3:]}
    write_jsonl(tmp_path / "ranked_lists.jsonl", lists)
    rows = [{"query": query, "grades": grades} for query, grades in qrels.items()]
    write_jsonl(tmp_path / "judgments.jsonl", rows)
    settings = params.read("prepare.reranker.small", reranker.PrepareSettings)
    settings = settings.model_copy(update={"lists": SHARES})
    reranker.write_examples(tmp_path, tmp_path, settings)
    examples = build(ranked_lists=lists, qrels=qrels)
    for split, kind in zip(SPLITS, ("pick", "list", "list"), strict=True):
        expected = read_jsonl(tmp_path / f"{split}.jsonl")
        groups = {row["query"]: row["group"] for row in expected if row["kind"] == "list"}
        own = of_kind(kind, examples, split)
        assert {row["query"] for row in own} == {*groups}
        assert all(groups[row["query"]] == row.get("group", groups[row["query"]]) for row in own)


def test_a_pick_looks_no_further_than_its_negatives_and_keeps_their_order(build: Build) -> None:
    shown = [{"url": f"{n}", "title": f"T{n}", "snippet": ""} for n in range(9)]
    shown[1] |= {"title": "t8!"}
    train = ranked_list(question_in("train"), picks="8", sources=shown)
    [pick] = of_kind("pick", build(ranked_lists=[train, *LISTS[1:]]), "train")
    assert pick["negatives"] == ["T0", "T2"]
