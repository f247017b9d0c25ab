"""Doubtful labels: what all other labels contradict comes first, and too few labels say nothing."""

import random

import pytest

from findtune.core.records import Record
from findtune.quality.doubtful_labels import doubtful_pairs, doubtful_picks
from findtune.quality.latent_vectors import LatentVectors

# fmt: off
WORDS = ["jobs", "bread", "tea", "rain", "wolves", "births", "roads", "prices", "schools", "beds",
         "homes", "votes"]
# fmt: on
LATENT = LatentVectors(["jobs work labour", "bread flour", "jobs employment work"])


def pairs(wrong: int) -> list[Record]:
    """Return pairs of equal sentences, scored 0.95, and of different ones, scored 0.05."""
    draw = random.Random(0)
    records = []
    for number in range(120):
        first, second = draw.sample(WORDS, 2)
        same = number % 2 == 0
        records.append(
            {
                "sentence_1": f"{first} in region {number}",
                "sentence_2": f"the {first if same else second} of region {number}",
                "score": 0.95 if same else 0.05,
            }
        )
    for record in records[:wrong]:
        record["score"] = round(1 - record["score"], 2)
    return records


def lists(wrong: int) -> list[Record]:
    """Return lists in which the document that repeats the question was picked, of four."""
    records = []
    for number in range(60):
        query = f"{WORDS[number % 12]} {WORDS[(number * 5 + 1) % 12]} {number}"
        others = [word for word in WORDS if word not in query][:3]
        titles = [f"all about {query}", *others]
        sources = [
            {"url": f"{number}/{rank}", "title": title, "snippet": f"{title}.", "rank": 9 - rank}
            for rank, title in enumerate(titles)
        ]
        picks = [f"{number}/{1 if number < wrong else 0}"]
        records.append({"query": query, "sources": sources, "picks": picks})
    return records


def test_a_score_that_the_others_contradict_is_in_doubt() -> None:
    records = pairs(wrong=3)
    doubtful = doubtful_pairs(records, LATENT)
    assert {id(pair.record) for pair in doubtful[:3]} == {id(record) for record in records[:3]}
    assert doubtful[0].doubt == pytest.approx(
        abs(doubtful[0].record["score"] - doubtful[0].expected)
    )


def test_no_score_is_in_doubt_where_all_agree() -> None:
    assert doubtful_pairs(pairs(wrong=0), LATENT) == []


def test_a_pick_that_the_others_contradict_is_in_doubt() -> None:
    doubtful = doubtful_picks(lists(wrong=2), LATENT)
    assert {pick.source["url"] for pick in doubtful} == {"0/1", "1/1"}
    assert {pick.label for pick in doubtful} == {"picked"}
    assert all(pick.doubt == pytest.approx(1 - pick.expected) for pick in doubtful)


def test_a_source_that_was_passed_over_is_in_doubt_if_a_pick_stands_below() -> None:
    records = lists(wrong=2)
    for record in records[:2]:
        record["sources"][0]["rank"] = 0  # above the pick, so the user saw what should be picked
    doubtful = doubtful_picks(records, LATENT)
    missed = {pick.source["url"] for pick in doubtful if pick.label == "not picked"}
    assert missed == {"0/0", "1/0"}


def test_too_few_labels_say_nothing() -> None:
    assert doubtful_pairs(pairs(wrong=3)[:40], LATENT) == []
    assert doubtful_picks(lists(wrong=2)[:10], LATENT) == []


def test_words_of_one_variable_lie_near_each_other() -> None:
    variables = ["remote work; working from home", "bread; flour", "home office; remote work"]
    first, near, far = LatentVectors(variables).encode(["remote", "home", "flour"])
    assert first @ near > first @ far + 0.3


def test_latent_vectors_of_no_documents_are_zero() -> None:
    assert not LatentVectors([]).encode(["a", "b"]).any()
    assert not LatentVectors(["?", "!", "-"]).encode(["a"]).any()


def test_picks_of_one_question_alone_teach_nothing_about_the_others() -> None:
    records = lists(wrong=0)
    for number, record in enumerate(records):
        if number < 55:
            record["query"] = "jobs in kenya"
        else:
            record["picks"] = []
    assert doubtful_picks(records, LATENT) == []
