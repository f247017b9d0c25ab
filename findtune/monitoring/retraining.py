"""Should the models be trained again? A verdict with its reasons.

All tests together have one error rate: p-values are corrected by Holm (Scandinavian Journal of
Statistics 1979). So if nothing has changed, the tests say yes with probability `level` at most. All
tests treat each user as one unit; see findtune/monitoring/by_user.py. A significant but small
difference is no reason to retrain.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import Field, PositiveInt

from findtune.core.params import Section
from findtune.core.text import near_duplicate_key
from findtune.monitoring.by_user import larger_ranks, larger_share
from findtune.monitoring.drift import MIN_QUESTIONS, NORMAL, Novelty, classifier_test
from findtune.monitoring.questions import KnownQuestions, distinct, draw, first_askers
from findtune.monitoring.weekly import Answers, ratio, week_of
from findtune.traffic.reader import Traffic
from findtune.traffic.records import SearchRecord
from findtune.traffic.wording import counted

Array = np.ndarray

FEW = (
    f"too little to tell: the tests need {MIN_QUESTIONS} distinct questions, as many held-out "
    f"ones, and {MIN_QUESTIONS} answers both now and before"
)


class MonitorSettings(Section):
    """The section `monitor` of params.yaml.

    level: the probability of a false alarm by the tests. recent_weeks: the weeks that count as now.
    max_unlike, max_separation: the share of questions unlike training, and the AUC of the domain
    classifier, from which drift matters. max_change: the change from which the share of answers
    without a pick, or the mean reciprocal rank, matters. new_answers: answers with a pick, to
    questions that the examples lack, as a share of the training questions, that are worth a
    training.
    """

    level: float = Field(gt=0, lt=0.5)
    recent_weeks: PositiveInt
    max_unlike: float = Field(gt=0, lt=1)
    max_separation: float = Field(gt=0.5, lt=1)
    max_change: float = Field(gt=0, lt=1)
    new_answers: float = Field(gt=0)


@dataclass(frozen=True)
class Check:
    """One test. now, before: the values. matters: whether the difference is large enough."""

    name: str
    test: str
    now: float | None
    before: float | None
    p_value: float | None
    matters: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """Whether to retrain, yes or no, and why. checks: the `Check` fields, p_holm, alarm."""

    retrain: str
    because: list[str]
    checks: list[dict[str, Any]]
    version: str
    since: str


def judge(
    traffic: Traffic, known: KnownQuestions, novelty: Novelty, settings: MonitorSettings
) -> Verdict:
    """Return the verdict on the newest version. traffic: with at least one search."""
    version = traffic.searches[-1].version
    own = [search for search in traffic.searches if search.version == version]
    weeks = sorted({week_of(search.time) for search in own})
    since = weeks[-settings.recent_weeks :][0]
    recent = [row for row in own if week_of(row.time) >= since]
    now, before = (
        Answers.of(traffic, [row for row in own if (week_of(row.time) >= since) == is_now]).alone()
        for is_now in (True, False)
    )
    checks = [
        *drift_checks(recent, known, novelty, settings),
        *change_checks(now, before, settings),
    ]
    rows = decide(checks, settings.level)
    reasons = [row["reason"] for row in rows if row["alarm"]]
    new = new_answers(Answers.of(traffic, own), known)
    if new >= settings.new_answers * len(known.trained):
        reasons.append(
            f"{new} new answers, with a pick and to questions that the examples lack, are much "
            f"beside the {len(known.trained)} questions of training"
        )
    return Verdict("yes" if reasons else "no", reasons or [calm(rows)], rows, version, since)


def new_answers(answers: Answers, known: KnownQuestions) -> int:
    """Return how many answers training could learn from and does not know.

    Ingest drops an answer without a pick, so it would stay new forever.
    """
    keys = known.keys
    rows = zip(answers.searches, answers.picks, strict=True)
    return sum(bool(picks) and near_duplicate_key(row.question) not in keys for row, picks in rows)


def drift_checks(
    recent: Sequence[SearchRecord],
    known: KnownQuestions,
    novelty: Novelty,
    settings: MonitorSettings,
) -> list[Check]:
    """Return both tests of the recent questions.

    The held-out questions of the first test stay those of all records: a longer tail there makes
    alarms rarer, and they are few.
    """
    searches = draw(recent, [search.id for search in recent], len(known.records))
    questions = distinct([search.question for search in searches])
    askers = first_askers(searches, questions)
    similarities = novelty.similarities(questions)
    unlike = novelty.share_unlike(similarities)
    novel = Check(
        "questions unlike training",
        "Kolmogorov-Smirnov, one-sided, by user",
        unlike,
        None if unlike is None else NORMAL,
        novelty.p_value(similarities, askers),
        (unlike or 0.0) >= settings.max_unlike,
        unlike_reason(unlike, has_reference=bool(len(novelty.reference))),
    )
    area, p_value = classifier_test(known.drawn(len(searches)), questions, askers) or (None, None)
    shifted = Check(
        "other mix of questions",
        "domain classifier, Mann-Whitney, by user",
        area,
        None if area is None else 0.5,
        p_value,
        (area or 0.0) >= settings.max_separation,
        area_reason(area),
    )
    return [novel, shifted]


def unlike_reason(share: float | None, *, has_reference: bool) -> str:
    """Return what the share of questions unlike training says.

    has_reference: whether there are held-out questions, which say what is normal.
    """
    if not has_reference:
        return "no held-out questions to compare with"
    if share is None:
        return "no questions now"
    return (
        f"{share:.0%} of the questions are unlike the training questions, against {NORMAL:.0%} of "
        "the held-out ones"
    )


def area_reason(area: float | None) -> str:
    """Return what the area under the ROC curve of the domain classifier says."""
    if area is None:
        return "too few questions for a classifier"
    return (
        f"a classifier tells the questions from those of training: AUC {area:.2f}, and 0.50 is "
        "chance"
    )


def change_checks(recent: Answers, earlier: Answers, settings: MonitorSettings) -> list[Check]:
    """Return the tests of recent answers against earlier ones of the same version."""
    now, before = (ratio(part.without_pick, part.answered) for part in (recent, earlier))
    ranks_now, ranks_before = recent.best_ranks(), earlier.best_ranks()
    mean_now, mean_before = (
        mean_reciprocal([rank for _, rank in ranks]) for ranks in (ranks_now, ranks_before)
    )
    return [
        Check(
            "answers without a pick",
            "Fisher's exact, one-sided, by user",
            now,
            before,
            p_value(larger_share, recent.outcomes(), earlier.outcomes()),
            is_rise(before, now, settings.max_change),
            unknown("answers", now, before)
            or f"{now:.0%} of the answers have no pick, {before:.0%} before",
        ),
        Check(
            "rank of the first pick",
            "Mann-Whitney, one-sided, by user",
            mean_now,
            mean_before,
            p_value(larger_ranks, ranks_now, ranks_before),
            is_rise(mean_now, mean_before, settings.max_change),
            unknown("picks", mean_now, mean_before)
            or f"picks stand lower: mean reciprocal rank {mean_now:.2f}, {mean_before:.2f} before",
        ),
    ]


def is_rise(low: float | None, high: float | None, least: float) -> bool:
    """Return whether a value is higher than another one by at least so much; both are known."""
    return low is not None and high is not None and high - low >= least


def unknown(what: str, now: float | None, before: float | None) -> str:
    """Return why nothing can be compared, or an empty text: an unknown value is no zero."""
    if now is None:
        return f"no {what} now"
    return f"no earlier {what} to compare with" if before is None else ""


def mean_reciprocal(ranks: Sequence[int]) -> float | None:
    """Return the mean reciprocal rank; None without ranks."""
    return sum(1 / rank for rank in ranks) / len(ranks) if ranks else None


def p_value(
    test: Callable[[Array, Array, list[str]], float],
    recent: Sequence[tuple[str, float]],
    earlier: Sequence[tuple[str, float]],
) -> float | None:
    """Return the p-value of a test of (user, value) pairs; None for too few."""
    if min(len(recent), len(earlier)) < MIN_QUESTIONS:
        return None
    now, before = (np.array([value for _, value in part]) for part in (recent, earlier))
    return test(now, before, [user for user, _ in [*recent, *earlier]])


def decide(checks: Sequence[Check], level: float) -> list[dict[str, Any]]:
    """Return each check with its corrected p-value, and whether it raises an alarm."""
    p_values = [check.p_value for check in checks]
    return [
        {
            **asdict(check),
            "p_holm": p_holm,
            "alarm": check.matters and p_holm is not None and p_holm < level,
        }
        for check, p_holm in zip(checks, holm(p_values), strict=True)
    ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected for multiple testing; None stays None."""
    tested = sorted((value, row) for row, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for number, (value, row) in enumerate(tested):
        largest = max(largest, min(1.0, value * (len(tested) - number)))
        corrected[row] = largest
    return corrected


def calm(rows: Sequence[dict[str, Any]]) -> str:
    """Return why no training is needed, or that there are too few data to tell."""
    tested = [row["name"] for row in rows if row["p_value"] is not None]
    if not tested:
        return FEW
    untested = len(rows) - len(tested)
    more = (
        f"; too few answers or questions for {counted(untested, 'more test')}" if untested else ""
    )
    return f"no test shows a change that matters ({', '.join(tested)}){more}"
