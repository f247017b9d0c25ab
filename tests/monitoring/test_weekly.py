"""Each week and version has its own row, with the measures of its searches and answers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from findtune.monitoring.drift import Novelty
from findtune.monitoring.questions import KnownQuestions
from findtune.monitoring.weekly import weekly_rows
from findtune.quality.languages import language_of, language_shares
from findtune.traffic.reader import Traffic

Serve = Callable[..., Traffic]


@pytest.fixture
def novelty(known: KnownQuestions) -> Novelty:
    return Novelty.of(known)


def test_weeks_and_versions_have_rows_of_their_own(serve: Serve, novelty: Novelty) -> None:
    traffic = serve([["bread", "rye"], ["visa"]], [4, None])
    newer = traffic.searches[1].model_copy(update={"version": "v2"})
    changed = replace(traffic, searches=[traffic.searches[0], newer, traffic.searches[2]])
    rows = weekly_rows(changed, novelty)
    assert [(row["week"], row["version"], row["answered"]) for row in rows] == [
        ("2026-W41", "v1", 1),
        ("2026-W41", "v2", 1),
        ("2026-W42", "v1", 0),
    ]


def test_the_measures_of_a_row(serve: Serve, novelty: Novelty) -> None:
    [first, second, third] = weekly_rows(
        serve([["bread in kenya", "bread, in Kenya"], ["visa"], ["rye"]], [4, 0, None]), novelty
    )
    assert first["picks_by_rank"] == {"1": 0, "2": 0, "3": 0, "4-5": 2, "6-10": 0, "11+": 0}
    assert (first["reciprocal_rank"], first["share_without_pick"]) == (0.25, 0.0)
    assert (first["latency_p50"], first["top_score"], first["questions"]) == (100.5, 0.5, 1)
    assert (second["reciprocal_rank"], second["share_without_pick"]) == (None, 1.0)
    assert second["share_unlike"] == 1.0
    assert (third["answered"], third["share_without_pick"]) == (0, None)


def test_without_held_out_questions_no_share_of_unlike_ones_is_invented(
    serve: Serve, known: KnownQuestions
) -> None:
    [row] = weekly_rows(serve([["visa"]], [1]), Novelty.of(replace(known, held_out=[])))
    assert row["share_unlike"] is None


def test_an_interleaved_search_says_nothing_of_the_ranks_and_times_of_one_version(
    serve: Serve, novelty: Novelty
) -> None:
    traffic = serve([["bread"], ["visa", "rye"]], [4, 2], queries=["bread 2020", "rye"])
    compare = {"compare": {"A": "v1", "B": "v2"}, "milliseconds": 9000.0}
    searches = [traffic.searches[0]]
    searches += [row.model_copy(update=compare) for row in traffic.searches[1:2]]
    mixed = replace(traffic, searches=[*searches, traffic.searches[2]])
    [_, row] = weekly_rows(mixed, novelty)
    assert (row["searches"], row["answered"], row["questions"]) == (2, 2, 2)
    assert row["picks_by_rank"]["2"] == 1
    assert row["latency_p95"] == 101.0
    [_, row] = weekly_rows(replace(traffic, searches=searches), novelty)
    assert (row["reciprocal_rank"], row["latency_p50"], row["share_without_pick"]) == (None,) * 3


def test_rewrites_that_lose_a_number_or_a_name_are_counted(serve: Serve, novelty: Novelty) -> None:
    queries = ["bread prices of 2020 in Kenya", "price of bread 2020 Kenyan", "bread prices 2020"]
    [row] = weekly_rows(serve([[queries[0]]], [None], queries=queries), novelty)
    assert (row["rewrites"], row["share_entities_lost"]) == (2, 0.5)
    [row] = weekly_rows(serve([["bread"]], [None], queries=["bread", "rye"]), novelty)
    assert (row["rewrites"], row["share_entities_lost"]) == (0, None)


def test_the_language_of_a_few_words_is_not_guessed() -> None:
    german, english = "wie viele menschen sind arbeitslos", "how many people are out of work"
    assert [language_of(text) for text in (german, english, "gdp")] == ["de", "en", "short"]
    assert language_shares([german, english, english, english, "gdp"]) == {"en": 0.75, "de": 0.25}
