"""Other questions are noticed, and the same ones raise no more false alarms than they may."""

from collections.abc import Callable

import numpy as np
import pytest

from findtune.monitoring.drift import Novelty, classifier_test
from findtune.monitoring.questions import KnownQuestions

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
    p_value = novelty.p_value(novelty.similarities(served))
    assert p_value is not None
    assert p_value < 0.05
    result = classifier_test(known.trained, served)
    assert result is not None
    area, chance = result
    assert area > 0.6
    assert chance < 0.01


def test_too_few_questions_are_not_tested(known: KnownQuestions) -> None:
    novelty = Novelty.of(known)
    assert novelty.p_value(novelty.similarities(["bread"] * 29)) is None
    assert classifier_test(known.trained, known.held_out[:20]) is None
    without = Novelty.of(KnownQuestions(known.trained, []))
    assert without.p_value(without.similarities(known.held_out)) is None


@pytest.mark.parametrize("runs", [15, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_same_questions_raise_an_alarm_no_more_often_than_the_level(
    ask: Ask, runs: int
) -> None:
    novel, told_apart = [], []
    for seed in range(runs):
        questions = ask(300, seed)
        known = KnownQuestions(questions[:150], questions[150:220])
        novelty = Novelty.of(known)
        novel.append(novelty.p_value(novelty.similarities(questions[220:])) or 0.0)
        _, p_value = classifier_test(questions[:220], questions[220:]) or (0.0, 0.0)
        told_apart.append(p_value)
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)  # three standard errors of the simulation
    assert np.mean(np.array(novel) < 0.05) < allowed
    assert np.mean(np.array(told_apart) < 0.05) < allowed
