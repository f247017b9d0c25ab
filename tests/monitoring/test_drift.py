"""Other questions are noticed, and the same ones raise no more false alarms than they may."""

from collections.abc import Callable

import numpy as np
import pytest

from findtune.monitoring.drift import Novelty, classifier_test
from findtune.monitoring.questions import KnownQuestions

USERS = 40
WORDS = [f"{first}{last}" for first in ("bar", "fel", "mon", "tus", "vik") for last in "aeiouy"]
Ask = Callable[[int, int], list[str]]


def test_a_question_of_training_is_like_it_and_another_one_is_not(known: KnownQuestions) -> None:
    novelty = Novelty.of(known)
    own, near, far = novelty.similarities([known.trained[0], known.held_out[0], "renew passport"])
    assert own == pytest.approx(1.0)
    assert own > near > novelty.threshold > far


def test_other_questions_are_noticed_by_both_tests(
    known: KnownQuestions, ask: Ask, other_questions: list[str]
) -> None:
    novelty = Novelty.of(known)
    served = [*ask(40, 9), *other_questions]
    p_value = novelty.p_value(novelty.similarities(served), served)
    assert p_value is not None
    assert p_value < 0.05
    result = classifier_test(known, served, served)
    assert result is not None
    area, chance = result
    assert area > 0.6
    assert chance < 0.01


def test_too_few_questions_are_not_tested(known: KnownQuestions) -> None:
    novelty = Novelty.of(known)
    few = ["bread"] * 29
    assert novelty.p_value(novelty.similarities(few), few) is None
    assert classifier_test(known, few[:20], few[:20]) is None
    without = Novelty.of(KnownQuestions(known.trained, []))
    assert without.p_value(without.similarities(known.held_out), known.held_out) is None


@pytest.mark.parametrize("runs", [15, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_same_questions_raise_an_alarm_no_more_often_than_the_level(
    ask: Ask, runs: int
) -> None:
    novel, told_apart = [], []
    for seed in range(runs):
        questions = ask(300, seed)
        known = KnownQuestions(questions[:150], questions[150:220])
        novelty, served = Novelty.of(known), questions[220:]
        novel.append(novelty.p_value(novelty.similarities(served), served) or 0.0)
        _, p_value = classifier_test(known, served, served) or (0.0, 0.0)
        told_apart.append(p_value)
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)  # three standard errors of the simulation
    assert np.mean(np.array(novel) < 0.05) < allowed
    assert np.mean(np.array(told_apart) < 0.05) < allowed


def test_questions_of_one_user_are_no_drift(
    known: KnownQuestions, ask: Ask, other_questions: list[str]
) -> None:
    novelty, usual = Novelty.of(known), ask(40, 9)
    served = [*usual, *other_questions]
    askers = [*usual, *["eager"] * len(other_questions)]
    p_value = novelty.p_value(novelty.similarities(served), askers)
    assert p_value is not None
    assert p_value > 0.1
    assert (chance_of(known, served, askers) or 0.0) > 0.1


@pytest.mark.parametrize("runs", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_other_users_with_words_of_their_own_hardly_raise_more_alarms(runs: int) -> None:
    alone, by_user = [], []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        (before, groups), (served, askers) = (ask_by_user(rng, side) for side in ("a", "b"))
        known = KnownQuestions(before, [], dict(zip(before, groups, strict=True)))
        by_user.append(chance_of(known, served, askers) or 0.0)
        alone.append(chance_of(KnownQuestions(before, []), served, served) or 0.0)
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean(np.array(by_user) < 0.05) < allowed < np.mean(np.array(alone) < 0.05)


def ask_by_user(rng: np.random.Generator, side: str) -> tuple[list[str], list[str]]:
    """Return 300 questions of users who each like some words, and who asked each."""
    users = rng.choice(USERS, 300, p=rng.dirichlet(np.full(USERS, 0.5)))
    likings = rng.dirichlet(np.full(len(WORDS), 0.1), USERS)
    texts = [" ".join(rng.choice(WORDS, 4, p=likings[user])) for user in users]
    return texts, [f"{side}{user}" for user in users]


def chance_of(known: KnownQuestions, served: list[str], askers: list[str]) -> float | None:
    result = classifier_test(known, served, askers)
    return result and result[1]
