"""Distinct questions of many searches are compared with those of as many, since they have a longer
tail of rare ones."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from findtune.core.files import write_jsonl
from findtune.monitoring.drift import Novelty
from findtune.monitoring.questions import KnownQuestions, draw, read_known_questions
from findtune.monitoring.retraining import Check, drift_checks
from findtune.traffic.reader import Traffic
from tests.monitoring.thresholds import SETTINGS

SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu")
WORDS = [first + second + third for first in SYLLABLES for second in SYLLABLES for third in "lnst"]
TOPICS, VARIANTS = 60, 25
Serve = Callable[..., Traffic]


def asked(number: int, seed: int, *, turned: bool = False) -> list[str]:
    """Return questions of a population with frequent and rare topics and wordings.

    turned: whether rare topics have become the frequent ones.
    """
    rng = np.random.default_rng(seed)
    topics = rng.choice(TOPICS, number, p=zipf(TOPICS)[:: -1 if turned else 1])
    variants = rng.choice(VARIANTS, number, p=zipf(VARIANTS))
    return [
        f"{WORDS[3 * topic]} {WORDS[3 * topic + 1]} {WORDS[200 + topic + variant]}"
        for topic, variant in zip(topics, variants, strict=True)
    ]


def zipf(number: int) -> np.ndarray:
    shares = 1 / np.arange(1, number + 1)
    return shares / shares.sum()


def known_from(records: list[str]) -> KnownQuestions:
    counts = Counter(records)
    texts = [*counts]
    held_out = texts[::4]
    return KnownQuestions([text for text in texts if text not in held_out], held_out, {}, counts)


def checks(known: KnownQuestions, served: list[str], serve: Serve) -> list[Check]:
    searches = serve([served], [None]).searches
    return drift_checks(searches, known, Novelty.of(known), SETTINGS)


@pytest.mark.parametrize(
    ("known", "served", "runs"),
    [
        (1200, 150, 12),
        (150, 1200, 12),
        pytest.param(2000, 300, 200, marks=pytest.mark.slow),
        pytest.param(300, 3000, 200, marks=pytest.mark.slow),
    ],
)
def test_the_same_users_raise_no_alarm_if_either_side_has_more_searches(
    known: int, served: int, runs: int, serve: Serve
) -> None:
    below = [
        [check.p_value is not None and check.p_value < 0.05 for check in unchanged]
        for seed in range(runs)
        for unchanged in [checks(known_from(asked(known, 1000 + seed)), asked(served, seed), serve)]
    ]
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)  # three standard errors of the simulation
    assert (np.mean(below, axis=0) < allowed).all()


@pytest.mark.parametrize(("known", "served"), [(1200, 150), (150, 1200), (300, 300)])
def test_a_change_of_topics_is_noticed_whichever_side_has_more_searches(
    known: int, served: int, serve: Serve
) -> None:
    before = known_from(asked(known, 1))
    _, shifted = checks(before, asked(served, 2, turned=True), serve)
    assert shifted.matters
    assert (shifted.p_value or 1.0) < 0.0125


def test_a_draw_has_so_many_rows_in_their_order_and_is_always_the_same() -> None:
    rows = [*range(100)]
    names = [f"search {row}" for row in rows]
    some = draw(rows, names, 30)
    assert some == draw(rows, names, 30) == sorted({*some})
    assert len(some) == 30
    assert {*some} < {*draw(rows, names, 60)}
    assert draw(rows, names, 100) == draw(rows, names, 500) == rows
    assert draw([*reversed(rows)], [*reversed(names)], 30) == [*reversed(some)]


def test_a_frequent_question_is_drawn_as_often_as_its_records_say() -> None:
    texts = [f"question {number}" for number in range(900)]
    known = KnownQuestions(texts[:600], texts[600:], {}, {texts[0]: 100})
    assert len(known.records) == 999
    some = known.drawn(100)
    assert texts[0] in some.trained
    assert 70 <= len(some.trained) + len(some.held_out) <= 100
    assert {*some.held_out} <= {*known.held_out}
    assert known.drawn(5000).records == known.records


def test_a_search_that_two_models_learn_from_is_one_record(tmp_path: Path) -> None:
    rooms = {
        "reranker": [("list", "a.json:1"), ("list", "a.json:2")],
        "rewriter": [("question", "b.json:1"), ("title", "b.json:1"), ("rewrite", "b.json:2")],
        "embedder": [("pick", "a.json:1"), ("pick", "a.json:1"), ("pick", "a.json:2")],
    }
    for room, examples in rooms.items():
        rows = [
            {"kind": kind, "query": f"bread{number * '?'}", "record": record}
            for number, (kind, record) in enumerate(examples)
        ]
        write_jsonl(tmp_path / room / "small" / "train.jsonl", rows)
    write_jsonl(tmp_path / "reranker/small/test.jsonl", [{"kind": "list", "query": "rye"}])
    known = read_known_questions(tmp_path, "small")
    assert known.records == ["bread", "bread", "rye"]
