"""What dev decides: which weights are kept, and whether and how rewrites are searched."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from test_rewriter_training import SETTINGS, Blind, fingerprint, fresh, recipe

from findtune.files import read_json
from findtune.interpolation import snapshot
from findtune.records import read_kind
from findtune.rewriter.model import Rewriter, Settings
from findtune.rewriter.training import Dev, Fitted, Watch, best_of, chosen, close, decided, fusions
from findtune.search import ByWords, Pool, read_pool

Bases = dict[str, Path]


@pytest.fixture(scope="module")
def bases(tiny_causal: Path, tiny_t5: Path) -> Bases:
    """An untrained base of each kind."""
    return {"causal": tiny_causal, "t5": tiny_t5}


# The rewriter's own rewrites

TEXTS = {"a": "boys in class", "b": "girls in class", "c": "pupils", "d": "rice crop"}
POOL = ByWords(Pool(TEXTS, TEXTS))


class Scripted(Rewriter):
    """A rewriter that says the same of every question."""

    says: tuple[str, ...] = ()

    def candidates(self, questions: Sequence[str], seed: int) -> list[list[str]]:
        return [[*self.says] for _ in questions]


class Wordy(Scripted):
    """Some of it finds much, some of it nothing."""

    says = ("rice", "boys", "pupils", "class boys class", "class", "boys boys", "Pupils?")


class Useless(Scripted):
    """It says what stands nowhere."""

    says = ("zebra quagga", "quagga herd")


class Helpful(Scripted):
    """It says a word of every title."""

    says = (
        "unemployment rate median pay heart lung disease deaths wheat rice harvest",
        "school enrolment rent homes rainfall months registered cars",
    )


def scripted(kind: type[Scripted], base: Path) -> Scripted:
    found = fresh(base)
    return kind(found.model, found.tokenizer, found.settings, found.names)


def test_of_its_own_rewrites_it_learns_those_that_find_more_than_the_question(
    bases: Bases,
) -> None:
    asked = [
        {"query": "pupils", "picks": ["a", "b", "c", "d"]},  # finds c
        {"query": "class", "picks": ["a", "b"]},  # finds both
        {"query": "unknown", "picks": []},
        {"query": "nothing", "picks": ["c"]},
    ]
    wordy = scripted(Wordy, bases["causal"])
    found = best_of(wordy, asked, POOL, recipe(), "fp32", 13)
    assert found == [
        {"query": "pupils", "target": "class boys class", "weight": 0.25},
        {"query": "pupils", "target": "class", "weight": 0.25},
        {"query": "nothing", "target": "pupils", "weight": 1.0},
    ]
    one = recipe(best_of={"epochs": 1, "learning_rate": 1e-3, "kept": 1})
    assert best_of(wordy, asked, POOL, one, "fp32", 13) == [found[0], found[2]]
    assert best_of(scripted(Useless, bases["t5"]), asked, POOL, recipe(), "fp32", 13) == []


# What dev decides


def used(rewrites: int, **more: Any) -> Settings:
    return Settings(**SETTINGS | {"rewrites": rewrites} | more)


HALF = np.array([0.0, 1.0] * 8)


def better(by: float, times: int = 8) -> np.ndarray:
    """Return the recall of HALF, where some of the questions that found nothing find more."""
    found = HALF.copy()
    found[np.flatnonzero(found == 0)[:times]] += by
    return found


@pytest.mark.parametrize("recall", [HALF, better(-0.5), HALF[::-1]])
def test_where_no_rewrite_finds_more_none_is_used(recall: np.ndarray) -> None:
    found = chosen({(0.0, used(2)): HALF, (1.0, used(4)): recall}, HALF)
    assert found == (0.0, used(0))


def test_titles_alone_are_kept_where_they_find_most_and_dev_is_sure() -> None:
    titles = used(0, titles=2)
    ways = {(0.0, titles): better(0.9), (1.0, used(4)): better(0.1)}
    assert chosen(ways, HALF) == (0.0, titles)
    assert chosen({(0.0, titles): HALF}, HALF) == (0.0, used(0))


def test_the_way_that_finds_most_is_kept() -> None:
    ways = {(0.0, used(1)): HALF, (0.5, used(4)): better(0.9), (1.0, used(2)): better(0.1)}
    assert chosen(ways, HALF) == (0.5, used(4))


def test_of_two_that_dev_can_not_tell_apart_the_one_that_learned_more_is_kept() -> None:
    ways = {
        (0.5, used(4)): better(0.9),
        (1.0, used(2)): better(1.0, times=7),  # loses where it is sure, wins elsewhere
        (1.0, used(1)): better(0.5, times=1),
    }
    assert ways[0.5, used(4)].mean() > ways[1.0, used(2)].mean()
    assert chosen(ways, HALF) == (1.0, used(2))
    ways[1.0, used(2)] = better(0.5)  # less for every question: dev is sure
    assert chosen(ways, HALF) == (0.5, used(4))


def test_what_learned_more_but_finds_no_more_than_the_question_alone_is_not_kept() -> None:
    unsure = 1 - HALF  # within a standard error of any other
    assert chosen({(0.0, used(4)): better(0.1), (1.0, used(4)): unsure}, HALF) == (0.0, used(4))


def test_dev_is_asked_about_every_way_of_using_rewrites() -> None:
    tried: dict[str, Any] = {"constants": [60, 10], "questions": [1, 2]}
    found = fusions(recipe(counts=[4, 1], joins=[2, 0], titles=[3, 0], **tried))
    ways = [(it.rewrites, it.titles, it.constant, it.question, it.joined) for it in found]
    with_rewrites = product((1, 4), (0, 3), (10, 60), (1, 2), (0, 2))
    titles_alone = product((0,), (3,), (10, 60), (1, 2), (0,))
    assert ways == [*with_rewrites, *titles_alone]
    assert {it.candidates for it in found} == {SETTINGS["candidates"]}


def test_no_more_rewrites_can_be_searched_than_are_drawn() -> None:
    with pytest.raises(ValidationError, match="of 4 candidates at most 4 can be searched"):
        recipe(counts=[1, 9])


@pytest.mark.parametrize("changes", [{"counts": [0]}, {"titles": [-1]}, {"titles": []}])
def test_a_number_of_searches_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        recipe(**changes)


def dev_of(pairs: Path, **changes: Any) -> Dev:
    pool = ByWords(read_pool(pairs / "pool.jsonl"))
    asked = read_kind(pairs / "dev.jsonl", "question")
    return Dev(asked, pool, recipe(**changes), "fp32", 13)


def decision(rewriter: Rewriter, pairs: Path, **changes: Any) -> tuple[Dev, Fitted]:
    """Return what dev decides after a training that it saw twice."""
    dev, start = dev_of(pairs, **changes), snapshot(rewriter.model)
    watch = Watch(rewriter, dev, recipe(), lambda _: None, progress=False)
    with torch.no_grad():
        for weight in rewriter.model.parameters():
            weight.mul_(2)
    watch.steps = 7
    watch.judge()
    return dev, decided(rewriter, start, watch, recipe(), "fp32")


def test_a_useless_rewriter_is_left_at_its_base_and_not_used(
    bases: Bases, rewriter_pairs: Path
) -> None:
    rewriter = scripted(Useless, bases["causal"])
    before = fingerprint(rewriter.model)
    dev, found = decision(rewriter, rewriter_pairs)
    assert found.facts["interpolation"] == found.facts["rewrites"] == 0
    assert found.model.settings.rewrites == 0
    assert fingerprint(found.model.model) == before
    assert found.facts["recall@10 on dev, fused"] == dev.alone.mean()
    assert found.model.rewrites(["how much rice is grown?"], 0) == [[]]


def test_dev_tells_how_titles_are_best_searched_without_a_rewrite(
    bases: Bases, rewriter_pairs: Path, tmp_path: Path
) -> None:
    rewriter = scripted(Helpful, bases["causal"])
    _, found = decision(rewriter, rewriter_pairs)
    assert found.titles is None  # it was not asked
    dev, found = decision(rewriter, rewriter_pairs, titles=[0, 1], questions=[1, 9])
    assert found.titles is not None
    assert (found.titles.rewrites, found.titles.titles) == (0, 1)
    nothing: list[list[list[str]]] = [[[] for _ in dev.questions]]
    free = [how for how in dev.ways if not how.rewrites]
    assert len(free) == 2
    best = max(dev.judge(nothing, how).mean() for how in free)
    assert dev.judge(nothing, found.titles).mean() == best
    found.save(tmp_path)
    assert Settings(**read_json(tmp_path / "titles.json")) == found.titles


def test_a_helpful_rewriter_is_used_and_of_equals_the_tuned_weights_are_kept(
    bases: Bases, rewriter_pairs: Path
) -> None:
    rewriter = scripted(Helpful, bases["causal"])
    dev, found = decision(rewriter, rewriter_pairs)
    assert (found.facts["best_step"], found.facts["interpolation"]) == (7, 1)
    assert found.facts["rewrites"] > 0
    assert found.facts["recall@10 on dev, fused"] > dev.alone.mean()
    assert fingerprint(found.model.model) != fingerprint(fresh(bases["causal"]).model)


def test_dev_fuses_what_the_question_and_its_first_rewrites_find(rewriter_pairs: Path) -> None:
    dev = dev_of(rewriter_pairs)
    picks = [its[0] for its in dev.answers[0]]
    titles = read_pool(rewriter_pairs / "pool.jsonl").texts
    answers = [["zebra", titles[url]] for url in picks]
    none, one, two = (dev.judge([answers], used(number)) for number in (0, 1, 2))
    assert none.tolist() == one.tolist() == dev.alone.tolist()
    assert two.mean() > dev.alone.mean()
    assert (two > 0).all()


def test_weights_are_judged_by_the_way_of_using_rewrites_that_suits_them(
    rewriter_pairs: Path,
) -> None:
    dev = dev_of(rewriter_pairs, counts=[1, 2])
    titles = read_pool(rewriter_pairs / "pool.jsonl").texts
    answers = [["zebra", titles[its[0]]] for its in dev.answers[0]]  # the second one finds it
    assert dev.best([answers]).tolist() == dev.judge([answers], used(2, joined=0)).tolist()
    assert dev.best([answers]).mean() > dev.judge([answers], used(1)).mean()


def test_dev_judges_the_mean_of_its_draws(rewriter_pairs: Path) -> None:
    dev, titles = dev_of(rewriter_pairs), read_pool(rewriter_pairs / "pool.jsonl").texts
    lucky = [[titles[its[0]]] for its in dev.answers[0]]
    unlucky = [["zebra"] for _ in dev.answers[0]]
    one, two = (dev.judge([draw], used(1)) for draw in (lucky, unlucky))
    assert one.mean() > two.mean()
    assert dev.judge([lucky, unlucky], used(1)) == pytest.approx((one + two) / 2)


def test_dev_counts_what_people_graded_as_much_as_what_was_picked() -> None:
    texts = {"a": "boys", "b": "girls", "c": "pupils", "d": "rice"}
    pool = ByWords(Pool(texts, texts))
    asked = [
        {"query": "boys", "picks": ["a"], "judged": {"a": 1, "b": 2, "d": 0}},
        {"query": "boys", "picks": ["a", "b"], "judged": {"d": 0}},
        {"query": "boys", "picks": ["a", "b"], "judged": {}},
    ]
    dev = Dev(asked, pool, recipe(), "fp32", 13)
    assert dev.alone == pytest.approx([(1 + 1 / 2) / 2, 1 / 2, 1 / 2])
    found = dev.judge([[["girls"], ["girls"], ["rice"]]], used(1))
    assert found == pytest.approx([1, 1, 1 / 2])


def test_dev_draws_as_often_as_it_is_told_and_each_time_anew(
    bases: Bases, rewriter_pairs: Path
) -> None:
    rewriter = fresh(bases["causal"])
    one, _ = dev_of(rewriter_pairs, draws=1).draw(rewriter)
    three, _ = dev_of(rewriter_pairs, draws=3).draw(rewriter)
    assert [len(draw) for draw in three] == [len(one[0])] * 3
    assert three[0] == one[0]
    assert three[0] != three[1] != three[2] != three[0]


def test_a_single_question_can_not_tell_two_ways_apart() -> None:
    none, all_of_it = np.zeros(1), np.ones(1)
    assert close(none, all_of_it)
    ways = {(0.0, used(1)): all_of_it, (1.0, used(1)): all_of_it / 2}
    assert chosen(ways, none) == (1.0, used(1))


def watched(rewriter: Rewriter, *recalls: Sequence[float]) -> Watch:
    """Return a watch that saw these recalls of dev, the base's first."""
    watch = Watch(rewriter, cast(Dev, Blind(*recalls)), recipe(), lambda _: None, progress=False)
    for _ in recalls[1:]:
        watch.steps += 1
        watch.judge()
    return watch


def test_weights_are_kept_unless_dev_is_sure_that_earlier_ones_were_better(
    bases: Bases,
) -> None:
    low, high, mixed = [0.0, 0.0, 0.1, 0.0], [1.0, 0.9, 1.0, 1.0], [1.0, 0.8, 0.9, 1.0]
    rewriter = fresh(bases["t5"])
    assert (watched(rewriter, low, high).best_step, watched(rewriter, high, low).best_step) == (
        1,
        0,
    )
    watch = watched(rewriter, low, high, low, low)
    assert (watch.best_step, watch.worse) == (1, 2)
    assert watched(rewriter, low, high, low, high).worse == 0
    assert watched(rewriter, high, [1.0, 1.0, 0.8, 1.0]).best_step == 1
    assert watched(rewriter, high, mixed).best_step == 0
