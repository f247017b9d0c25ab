"""The verdict names what has changed, and stays calm where nothing has or little is known."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from findtune.monitoring.drift import Novelty
from findtune.monitoring.questions import KnownQuestions
from findtune.monitoring.retraining import MonitorSettings, Verdict, holm, judge, unlike_reason
from findtune.traffic.reader import Traffic
from tests.monitoring.thresholds import SETTINGS

EAGER = SETTINGS.model_copy(update={"new_answers": 0.5})
Ask = Callable[[int, int], list[str]]
Serve = Callable[..., Traffic]


def verdict(traffic: Traffic, known: KnownQuestions, settings: object = SETTINGS) -> Verdict:
    assert isinstance(settings, MonitorSettings)
    return judge(traffic, known, Novelty.of(known), settings)


def test_nothing_new_is_no_reason(known: KnownQuestions, ask: Ask, serve: Serve) -> None:
    result = verdict(serve([ask(60, week) for week in range(4)], [1, 1, 1, 1]), known)
    assert result.retrain == "no"
    assert result.because[0].startswith("no test shows a change that matters (questions unlike")
    assert result.since == "2026-W43"
    assert all(row["p_value"] is not None for row in result.checks)


def test_questions_about_something_else_are_a_reason(
    known: KnownQuestions, ask: Ask, serve: Serve, other_questions: list[str]
) -> None:
    others = [*other_questions, *(f"{text} today" for text in other_questions)]
    weeks = [ask(60, 0), ask(60, 1), [*ask(20, 2), *others]]
    result = verdict(serve(weeks, [1, 1, 1]), known)
    assert result.retrain == "yes"
    assert "a classifier tells the questions from those of training" in result.because[1]
    assert result.checks[0]["now"] > 0.1


@pytest.mark.parametrize(
    ("picked", "reason"),
    [
        ([1, 1, 0, 0], "100% of the answers have no pick, 0% before"),
        ([1, 1, 4, 4], "picks stand lower: mean reciprocal rank 0.25, 1.00 before"),
    ],
)
def test_worse_answers_than_before_are_a_reason(
    picked: list[int], reason: str, known: KnownQuestions, ask: Ask, serve: Serve
) -> None:
    weeks = [ask(40, week) for week in range(4)]
    assert verdict(serve(weeks, picked), known).because == [reason]
    # The same in interleaved lists, which are not the version's own, shows nothing.
    compare = {"A": "v1", "B": "v2"}
    assert verdict(serve(weeks, picked, compare=compare), known).retrain == "no"


@pytest.mark.parametrize("picked", [[1, 1, 0, 0], [1, 1, 4, 4]])
def test_what_one_user_does_is_no_reason(
    picked: list[int], known: KnownQuestions, ask: Ask, serve: Serve, other_questions: list[str]
) -> None:
    weeks = [ask(40, 0), ask(40, 1), ask(20, 2), [*ask(20, 3), *other_questions]]
    alone = verdict(serve(weeks, picked, session="eager"), known)
    assert alone.retrain == "no"
    assert len(verdict(serve(weeks, picked), known).because) == 3


def test_a_small_change_is_no_reason_however_sure(
    known: KnownQuestions, ask: Ask, serve: Serve
) -> None:
    traffic = serve([ask(40, week) for week in range(4)], [1, 1, 4, 4])
    large = SETTINGS.model_copy(update={"max_change": 0.9})
    assert verdict(traffic, known, large).retrain == "no"


def test_many_new_answers_are_a_reason(
    known: KnownQuestions, serve: Serve, other_questions: list[str]
) -> None:
    few = KnownQuestions(known.trained[:40], known.held_out)
    result = verdict(serve([other_questions[:20]], [1]), few, EAGER)
    assert result.because == [
        "20 new answers, with a pick and to questions that the examples lack, are much beside the "
        "40 questions of training"
    ]


@pytest.mark.parametrize("split", ["trained", "held_out"])
@pytest.mark.parametrize("form", ["{}", "{}?", "The {}"])
def test_answers_to_questions_of_the_examples_are_not_new(
    form: str, split: str, known: KnownQuestions, serve: Serve
) -> None:
    few = KnownQuestions(known.trained[:40], known.held_out)
    asked = [form.format(text) for text in getattr(few, split)]
    assert not any("new" in text for text in verdict(serve([asked], [1]), few, EAGER).because)


def test_answers_without_a_pick_teach_nothing_new(
    known: KnownQuestions, serve: Serve, other_questions: list[str]
) -> None:
    few = KnownQuestions(known.trained[:40], known.held_out)
    assert verdict(serve([other_questions[:20]], [0]), few, EAGER).retrain == "no"


def test_only_the_newest_version_is_judged_and_little_data_says_so(
    known: KnownQuestions, ask: Ask, serve: Serve
) -> None:
    old = serve([ask(40, week) for week in range(4)], [1, 1, 4, 4])
    last = old.searches[-1].model_copy(update={"version": "v2"})
    result = verdict(replace(old, searches=[*old.searches[:-1], last]), known)
    assert (result.version, result.retrain) == ("v2", "no")
    assert result.because[0].startswith("too little to tell")


@pytest.mark.parametrize(
    ("weeks", "picked", "reasons"),
    [
        # answers in one week alone, of which some have no pick
        ([40], [4], ["no earlier answers to compare with", "no earlier picks to compare with"]),
        ([40], [0], ["no earlier answers to compare with", "no picks now"]),
        ([40], [None], ["no answers now", "no picks now"]),
        # answers before, but none now
        ([40, 40, 40], [1, None, None], ["no answers now", "no picks now"]),
        # answers before, but no pick
        ([40, 40, 40], [0, 4, 4], [None, "no earlier picks to compare with"]),
    ],
)
def test_a_value_that_is_not_known_is_no_zero_and_matters_not(
    weeks: list[int],
    picked: list[int | None],
    reasons: list[str | None],
    known: KnownQuestions,
    ask: Ask,
    serve: Serve,
) -> None:
    traffic = serve([ask(number, week) for week, number in enumerate(weeks)], picked)
    rows = verdict(traffic, known).checks
    for row, reason in zip(rows[2:], reasons, strict=True):
        assert reason is None or (row["reason"], row["matters"]) == (reason, False)
        assert (row["now"] is None) == (row["reason"].endswith(" now"))


def test_few_questions_and_no_held_out_ones_give_no_share_and_no_auc(
    known: KnownQuestions, ask: Ask, serve: Serve
) -> None:
    traffic = serve([ask(5, 0)], [1])
    novel, shifted, *_ = verdict(traffic, replace(known, held_out=[])).checks
    for row, reason in (
        (novel, "no held-out questions to compare with"),
        (shifted, "too few questions for a classifier"),
    ):
        assert (row["now"], row["p_value"], row["matters"]) == (None, None, False)
        assert row["reason"] == reason


@pytest.mark.parametrize(
    ("share", "has_reference", "reason"),
    [
        (None, False, "no held-out questions to compare with"),
        (None, True, "no questions now"),
        (0.5, True, "50% of the questions are unlike the training questions, against 5% of the "),
    ],
)
def test_a_share_that_is_not_known_says_which_questions_are_missing(
    share: float | None, has_reference: bool, reason: str
) -> None:
    assert unlike_reason(share, has_reference=has_reference).startswith(reason)


def test_holm_corrects_the_smallest_p_value_most_and_keeps_their_order() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
